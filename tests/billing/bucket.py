"""A small S3 server: checks every signature with botocore, keeps objects whole, and can be told to fail."""

import hashlib
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID, SECRET, REGION = "AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"


class _Signed(S3SigV4Auth):
    """botocore's signature of the moment that the request itself names."""

    def signature_of(self, request: AWSRequest, moment: str, names: list[str]) -> str:
        request.context["timestamp"] = moment
        request.context["payload_signing_enabled"] = True
        kept = [(name, value) for name, value in request.headers.items() if name.lower() in names]
        for name in list(request.headers):
            del request.headers[name]
        for name, value in kept:
            request.headers[name] = value
        return str(self.signature(self.string_to_sign(request, self.canonical_request(request)), request))


class BucketServer:
    """`objects` are complete ones by path, `puts` counts the times each was made; `fail(number, method, path)` may
    name a status, or `drop` to break the connection."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: dict[str, int] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.requests = 0
        self.largest_body = 0
        self.fail = lambda number, method, path: None
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                server.requests += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.largest_body = max(server.largest_body, len(body))
                parts = urlsplit(self.path)
                what = server.fail(server.requests, self.command, self.path)
                if what == "drop":
                    self.connection.close()
                    return None
                if what:
                    return self.answer(what, b"<Error><Code>SlowDown</Code><Message>Later.</Message></Error>")
                if not server.is_signed(self.command, self.path, self.headers, body):
                    return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message></Error>")
                return self.act(unquote(parts.path), dict(parse_qsl(parts.query, True)), body)

            def act(self, path: str, query: dict[str, str], body: bytes) -> None:
                if self.command == "PUT" and "partNumber" in query:
                    server.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
                    etag = f'"{hashlib.md5(body).hexdigest()}"'
                    return self.answer(200, b"", {"ETag": etag})
                if self.command == "PUT":
                    server.keep(path, body)
                    return self.answer(200, b"")
                if self.command == "POST" and "uploads" in query:
                    upload = uuid.uuid4().hex + "+/="
                    server.uploads[upload] = (path, {})
                    return self.answer(200, f"<r><UploadId>{upload}</UploadId></r>".encode())
                if self.command == "POST":
                    of, parts = server.uploads.pop(query["uploadId"])
                    assert of == path
                    assert body.count(b"<Part>") == len(parts)
                    server.keep(path, b"".join(parts[number] for number in sorted(parts)))
                    return self.answer(200, b"<CompleteMultipartUploadResult/>")
                if server.uploads.pop(query["uploadId"], None) is None:
                    return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
                return self.answer(204, b"")

            do_PUT = do_POST = do_DELETE = handle_any

            def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def keep(self, path: str, body: bytes) -> None:
        self.objects[path] = body
        self.puts[path] = self.puts.get(path, 0) + 1

    def is_signed(self, method: str, path: str, headers: object, body: bytes) -> bool:
        """By an implementation that is not ours."""
        given = dict(headers.items())  # type: ignore[attr-defined]
        sent = {name.lower(): value for name, value in given.items()}
        if sent.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            return False
        authorization = sent.get("authorization", "")
        fields = dict(one.strip().split("=", 1) for one in authorization.partition(" ")[2].split(","))
        if fields.get("Credential", "").partition("/")[0] != KEY_ID:
            return False
        request = AWSRequest(method, f"http://{sent['host']}{path}", headers=given, data=body)
        signer = _Signed(Credentials(KEY_ID, SECRET), "s3", REGION)
        expected = signer.signature_of(request, sent["x-amz-date"], fields["SignedHeaders"].split(";"))
        return fields["Signature"] == expected

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
