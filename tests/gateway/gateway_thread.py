"""The real gateway under a real uvicorn in a thread of this process, on the database that Django uses here."""

import socket
import threading

import uvicorn

from gateway.app import Gateway
from gateway.bridge import Bridge
from gateway.http import Receive, Scope, Send
from gateway.limiter.in_process import InProcessLimiter
from gateway.options import GatewayOptions
from tests.waiting import LONG, until


class GatewayThread:
    """`url` has no trailing slash; use it as a context manager."""

    def __init__(self, options: GatewayOptions | None = None) -> None:
        self.gateway = Gateway(Bridge(), InProcessLimiter(), options or GatewayOptions())
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        config = uvicorn.Config(
            self._app, loop="asyncio", log_level="warning", lifespan="on", interface="asgi3", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.gateway(scope, receive, send)
            return
        await receive()
        await self.gateway.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.gateway.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    def __enter__(self) -> "GatewayThread":
        self._thread.start()
        if not until(lambda: self._server.started):
            raise RuntimeError("the gateway did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(LONG)
        self._socket.close()
