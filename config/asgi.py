"""The one ASGI application: `/v1/*` straight to the gateway, everything else to Django; it handles the lifespan itself."""

import asyncio
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

# Django must be set up before anything that has models is imported.
from django.conf import settings  # noqa: E402

from config import health  # noqa: E402
from dashboard import playground_line  # noqa: E402
from gateway import limiter  # noqa: E402
from gateway.app import Gateway  # noqa: E402
from gateway.bridge import Bridge  # noqa: E402
from gateway.client_address import networks  # noqa: E402
from gateway.http import Receive, Scope, Send  # noqa: E402
from gateway.options import GatewayOptions  # noqa: E402

_GATEWAY_PATHS = frozenset({"/v1", "/user/balance"})


def make_gateway() -> Gateway:
    """The gateway of this process, as the settings say."""
    options = GatewayOptions(trusted_proxies=networks(settings.TRUSTED_PROXIES))
    return Gateway(Bridge(), limiter.build(settings.REDIS_URL or None), options)


class Application:
    """Routes by path and runs the gateway between startup and shutdown."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if self.gateway is not None and (path.startswith("/v1/") or path in _GATEWAY_PATHS):
                await self.gateway(scope, receive, send)
            else:
                await django_application(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._start()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> None:
        gateway = make_gateway()
        await gateway.startup()
        self.gateway = gateway
        health.connect(gateway)
        playground_line.connect(gateway)

    async def _stop(self) -> None:
        health.disconnect()
        playground_line.disconnect()
        if self.gateway is not None:
            await asyncio.shield(self.gateway.shutdown())


application = Application()
