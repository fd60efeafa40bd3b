"""A bare ASGI pass-through: what any gateway in Python costs before it knows, counts or records anything.

`python -m benchmarks.passthrough --upstream http://127.0.0.1:PORT`; its first line is its port.
"""

import argparse
from typing import Any

import aiohttp

from gateway.demo.listener import serve

_JSON = {"content-type": "application/json"}


class PassThrough:
    """ASGI application: forwards every request body, gives every answer back as it comes."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._forward(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forward(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        assert self._session
        async with self._session.post(self._upstream + scope["path"], data=body, headers=_JSON) as answer:
            headers = [(b"content-type", answer.headers["content-type"].encode())]
            if answer.content_length is not None:
                headers.append((b"content-length", b"%d" % answer.content_length))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for part in answer.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A proxy that does nothing else.")
    parser.add_argument("--upstream", required=True, help="for example http://127.0.0.1:9000")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    options = parser.parse_args()
    serve(PassThrough(options.upstream), options.port, lifespan="on")


if __name__ == "__main__":
    main()
