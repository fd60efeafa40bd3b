"""Write objects into a bucket that speaks Amazon's S3: AWS Signature Version 4, whole objects and objects in parts.

An object is there when it is complete and not before. Signed as
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html has it; the bucket stands in the path.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

from foundation import egress

# Seconds for one request: eight mebibytes at 70 KB/s.
TIMEOUT = 120.0
_ALGORITHM = "AWS4-HMAC-SHA256"
_CODE = re.compile(rb"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,300})</Message>")
_UPLOAD = re.compile(rb"<UploadId>([^<]{1,1000})</UploadId>")


class Refused(OSError):
    """The bucket did not take it, in words for people."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`secret` signs and is never sent."""

    access_key_id: str
    secret: str
    region: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """`endpoint` such as https://s3.eu-central-1.amazonaws.com, without a path."""

    endpoint: str
    name: str
    credentials: Credentials
    allow_private: bool = False

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write an object as a whole; raises Refused, Forbidden or Unreachable."""
        self._call("PUT", key, "", body, {"content-type": content_type})

    def begin(self, key: str, content_type: str) -> str:
        """The id of an upload in parts."""
        answer = self._call("POST", key, "uploads=", b"", {"content-type": content_type})
        found = _UPLOAD.search(answer.body)
        if found is None:
            raise Refused("The bucket began no upload in parts.")
        return found[1].decode()

    def part(self, key: str, upload: str, number: int, body: bytes) -> str:
        """Send a part, counted from 1; its ETag."""
        answer = self._call("PUT", key, f"partNumber={number}&uploadId={quote(upload, safe='')}", body, {})
        if "etag" not in answer.headers:
            raise Refused("The bucket took a part and gave no ETag for it.")
        return answer.headers["etag"]

    def complete(self, key: str, upload: str, etags: Sequence[str]) -> None:
        """Make an object of the parts."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._call(
            "POST", key, f"uploadId={quote(upload, safe='')}", body, {"content-type": "application/xml"}
        )
        # A failure that comes late is said under a status that came early.
        if b"<Error>" in answer.body:
            raise _refusal(answer)

    def abort(self, key: str, upload: str) -> None:
        """Forget the parts; one that is gone already is well."""
        try:
            self._call("DELETE", key, f"uploadId={quote(upload, safe='')}", b"", {})
        except Refused as refused:
            if "NoSuchUpload" not in str(refused):
                raise

    def _call(self, method: str, key: str, query: str, body: bytes, headers: Mapping[str, str]) -> egress.Answer:
        path = f"/{quote(self.name, safe='')}/{quote(key, safe='/')}"
        url = egress.check_url(f"{self.endpoint}{path}", allow_private=self.allow_private)
        url += f"?{query}" if query else ""
        signed = signature_headers(method, url, headers, body, self.credentials, datetime.now(UTC))
        answer = egress.send(method, url, body, signed, seconds=TIMEOUT, allow_private=self.allow_private)
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        return answer


def signature_headers(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, at: datetime
) -> dict[str, str]:
    """The headers with those that sign them, the address and the body. Names are in lower case."""
    parts = urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    moment = f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{at:%Y%m%d}/{credentials.region}/s3/aws4_request"
    signed = {**headers, "host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            method,
            parts.path,
            _canonical_query(parts.query),
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            digest,
        ]
    )
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret}".encode()
    for step in (f"{at:%Y%m%d}", credentials.region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{credentials.access_key_id}/{scope}"
    signed["authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    # The connection writes its own.
    del signed["host"]
    return signed


def _canonical_query(query: str) -> str:
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in parse_qsl(query, True))
    return "&".join(f"{name}={value}" for name, value in pairs)


def _refusal(answer: egress.Answer) -> Refused:
    code, message = _CODE.search(answer.body), _MESSAGE.search(answer.body)
    words = [found[1].decode(errors="replace") for found in (code, message) if found]
    return Refused(f"The bucket answered {answer.status}{': ' if words else '.'}{', '.join(words)}")
