"""A wire to the real server that loses answers, breaks them off or ends."""

import contextlib
import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# What happens to a request: `pass`, `lose` the answer, `half` of it, `busy` (429 before the server), `end` of the wire.
Fate = Callable[[str, str, int], str]


class Wire:
    """`fate(method, path, number)` is asked for each request, counted from 1; `sent` is what reached the server."""

    def __init__(self, url: str, fate: Fate) -> None:
        self.sent: list[tuple[str, str, str | None]] = []
        self._number = 0
        wire, target = self, urlsplit(url)

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                wire._number += 1
                what = fate(self.command, self.path, wire._number)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if what == "busy":
                    self.send_response(429)
                    self.send_header("Retry-After", "1")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if what == "end":
                    threading.Thread(target=wire.close).start()
                    self.connection.close()
                    return
                wire.sent.append((self.command, self.path, self.headers.get("Idempotency-Key")))
                connection = http.client.HTTPConnection(target.hostname or "", target.port or 0, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if what == "lose":
                    self.connection.close()
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if what == "half" else content)
                if what == "half":
                    self.wfile.flush()
                    self.connection.close()

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
