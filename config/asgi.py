"""The front door: the gateway's paths go to the gateway, everything else to Django. Handles the process's lifespan."""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import threading
import warnings
from types import FrameType
from typing import Any, cast

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The registry of apps must be ready before the imports below.
_django = get_asgi_application()

from config import health, metrics
from gateway import client_address, limiter
from gateway.app import Gateway
from gateway.bridge import Bridge
from gateway.http import Receive, Scope, Send
from gateway.options import GatewayOptions

log = logging.getLogger(__name__)

# New objects that may be cycles, beside those of the requests under way.
_COLLECT_AFTER = 10_000
# OpenAI's organization API: keys, projects and people are the API's, the reports the gateway's.
_MANAGED = "/v1/organization/"
_REPORTS = frozenset({"/v1/organization/usage/completions", "/v1/organization/costs"})
# Where a client asks whose base URL lacks /v1: it gets an error that it can read, and that says so.
_WITHOUT_V1 = ("/chat/completions", "/completions", "/embeddings", "/responses")

# WhiteNoise answers with a file, which Django reads in a thread; that is meant.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")


class House:
    """One ASGI application: gateway, health and Django behind one address."""

    def __init__(self) -> None:
        self._trusted = client_address.networks(settings.TRUSTED_PROXIES)
        # The server has waited for its streams before it lets the gateway drain: what is left only has to settle.
        options = GatewayOptions(
            trusted_proxies=self._trusted, drain_timeout=10.0, reports_per_minute=settings.API_REQUESTS_PER_MINUTE
        )
        redis_url = settings.REDIS_URL or None
        requests, reports = limiter.build(redis_url), limiter.build(redis_url, "reports")
        self.gateway = Gateway(Bridge(), requests, options, reports)
        self.health = health.Health(lambda: self.gateway.bridge.is_alive)
        self.metrics = metrics.Metrics(self.gateway.bridge.figures.text)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif _is_gateways(scope["path"]):
            await self.gateway(scope, receive, send)
        elif scope["path"] in health.PATHS:
            await self.health(scope, receive, send)
        elif scope["path"] == metrics.PATH:
            await self.metrics(scope, receive, send)
        else:
            await _django(self._for_pages(scope), receive, cast(Any, send))

    def _for_pages(self, scope: Scope) -> Scope:
        """What Django's views see: the running gateway (for the playground), the client behind our proxies."""
        seen = {**scope, "gateway": self.gateway}
        client = scope.get("client")
        if client and client_address.is_trusted(client[0], self._trusted):
            seen["client"] = (client_address.address_of(scope, self._trusted), 0)
            if (b"x-forwarded-proto", b"https") in scope["headers"]:
                seen["scheme"] = "https"
        return seen

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.gateway.startup()
        except Exception:
            log.exception("the gateway did not start")
            await send({"type": "lifespan.startup.failed"})
            return
        self._notice_stops()
        if parent := multiprocessing.parent_process():
            threading.Thread(target=_leave_with, args=[parent], name="parent-watch", daemon=True).start()
        _keep_what_is_loaded()
        self.health.opened = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.health.draining = True
        try:
            await self.gateway.shutdown()
        finally:
            await send({"type": "lifespan.shutdown.complete"})

    def _notice_stops(self) -> None:
        """From SIGTERM on /readyz says 503; the server itself hears of it SHUTDOWN_DELAY seconds later."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        servers_own = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: FrameType | None) -> None:
            self.health.draining = True
            if callable(servers_own):
                loop.call_soon_threadsafe(loop.call_later, settings.SHUTDOWN_DELAY, servers_own, number, frame)

        signal.signal(signal.SIGTERM, stop)


def _leave_with(parent: Any) -> None:
    """A worker whose parent was killed would go on without the schedule, and on the port of the next start."""
    parent.join()
    log.error("the parent process is gone: this worker stops as well")
    os.kill(os.getpid(), signal.SIGTERM)


def _keep_what_is_loaded() -> None:
    """Code and tables live as long as the process: the collector of cycles need not go through them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


def _is_gateways(path: str) -> bool:
    if path.startswith(_MANAGED):
        return path in _REPORTS
    return f"{path}/".startswith("/v1/") or path.rstrip("/") in _WITHOUT_V1 or path.startswith("/user/")


application = House()
