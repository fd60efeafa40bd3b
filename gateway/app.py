"""The gateway's raw ASGI application: exact routes, and every answer in the contract's shape."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import orjson

from accounts.principal import Principal
from billing.terms import BridgeUnavailable, RefusalNote
from gateway import errors, tokens
from gateway.bridge import Bridge
from gateway.callers import Callers
from gateway.completions import Completions
from gateway.errors import ApiError
from gateway.http import ClientGone, Exchange, Receive, Scope, Send
from gateway.limiter import RateLimiter
from gateway.limiter.in_process import InProcessLimiter
from gateway.options import GatewayOptions
from gateway.reports import Reports
from gateway.upstream import Upstream

log = logging.getLogger(__name__)

Handler = Callable[[Exchange], Awaitable[None]]
_MODEL_PREFIX = "/v1/models/"
_NAMES = re.compile(rb"[\w\-, ]+")
_PREFLIGHT_HEADERS = (
    b"authorization, api-key, content-type, idempotency-key, openai-organization, openai-project, x-request-id"
)


class Gateway:
    """`/v1/*` and `/user/balance`; open it in the lifespan before it serves."""

    def __init__(
        self,
        bridge: Bridge,
        limiter: RateLimiter,
        options: GatewayOptions | None = None,
        reports_limiter: RateLimiter | None = None,
    ) -> None:
        self.options = options or GatewayOptions()
        self.bridge = bridge
        self.limiter = limiter
        self.upstream = Upstream(self.options, bridge.note_try)
        self.callers = Callers(bridge, self.options)
        self.completions = Completions(bridge, limiter, self.upstream, self.callers, self.options)
        self.reports_limiter = reports_limiter or InProcessLimiter()
        self.reports = Reports(bridge, self.callers, self.reports_limiter, self.options)
        self._running = 0
        self._idle = asyncio.Event()
        self._routes: dict[str, tuple[str, Handler]] = {
            "/v1/chat/completions": ("POST", self.completions.serve),
            "/v1/models": ("GET", self._models),
            "/user/balance": ("GET", self._balance),
            "/v1/user/balance": ("GET", self._balance),
            "/v1/organization/usage/completions": ("GET", self.reports.usage),
            "/v1/organization/costs": ("GET", self.reports.costs),
        }

    # ---------------------------------------------------------------- life

    async def startup(self) -> None:
        """Start the bridge and the client to providers, and take over the rate windows of the last minute."""
        tokens.warm()
        self.bridge.start()
        await self.upstream.open()
        try:
            self.limiter.seed(await self.bridge.recent_admissions())
        except BridgeUnavailable:
            # One worker that does not start ends all the others; until the database is back each of them says 503.
            log.warning("started without the rate windows of the last minute: the database cannot be reached")

    async def shutdown(self) -> None:
        """Let running requests end, bounded in time, then drain the writer."""
        if self._running:
            self._idle.clear()
            try:
                async with asyncio.timeout(self.options.drain_timeout):
                    await self._idle.wait()
            except TimeoutError:
                log.warning("%d requests still ran at shutdown", self._running)
        await asyncio.to_thread(self.bridge.stop)
        await self.upstream.close()
        await self.limiter.close()
        await self.reports_limiter.close()

    # ---------------------------------------------------------------- one request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        await self._run(exchange, self._dispatch(exchange))

    async def serve_session(self, exchange: Exchange, principal: Principal, user_id: int) -> None:
        """One chat request of a person who is logged in, under the rules of every other (the playground)."""
        await self._run(exchange, self.completions.serve_session(exchange, principal, user_id))

    async def _run(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        self._running += 1
        try:
            await work
        except ApiError as error:
            self._note(exchange, error)
            await exchange.send_error(error)
        except BridgeUnavailable:
            # A stream that has begun can only be closed, without [DONE].
            if not exchange.begun:
                await exchange.send_error(errors.overloaded("The service cannot reach its database. Try again."))
        except ClientGone:
            pass
        except asyncio.CancelledError:
            # The server stops and has waited long enough: this is the end of the request, not of the one who cancels.
            if not exchange.begun:
                await exchange.send_error(errors.overloaded("The service is being restarted. Try again."))
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            if not exchange.begun:
                await exchange.send_error(errors.internal())
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _note(self, exchange: Exchange, error: ApiError) -> None:
        """Count a refusal of a known key; what failed on our side is none."""
        principal = exchange.principal
        code = error.code or error.kind
        self.bridge.figures.refusal(code)
        if principal is None or error.status >= 500:
            return
        self.bridge.note_refusal(
            RefusalNote(principal, exchange.request_id, exchange.model, code, error.message, datetime.now(UTC))
        )

    async def _dispatch(self, exchange: Exchange) -> None:
        if exchange.method == "OPTIONS":
            await self._preflight(exchange)
            return
        found = self._routes.get(exchange.path)
        if found is None and exchange.path.startswith(_MODEL_PREFIX) and len(exchange.path) > len(_MODEL_PREFIX):
            found = ("GET", self._model)
        if found is None:
            raise errors.unknown_url(exchange.method, exchange.path, self._meant(exchange.path))
        method, handler = found
        if exchange.method != method:
            raise errors.method_not_supported(exchange.method, f"{method}, OPTIONS")
        await handler(exchange)

    def _meant(self, path: str) -> str:
        """The route that whoever forgot `/v1`, wrote it twice or ended with a slash meant; "" where there is none."""
        bare = path.rstrip("/")
        found = (route for route in (bare, f"/v1{bare}", bare.removeprefix("/v1")) if route in self._routes)
        return next(found, "")

    async def _preflight(self, exchange: Exchange) -> None:
        asked = exchange.header(b"access-control-request-headers")
        exchange.extra += [
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", _allowed(asked)),
            (b"access-control-max-age", b"86400"),
            (b"vary", b"access-control-request-headers"),
        ]
        await exchange.send_bytes(204, b"")

    # ---------------------------------------------------------------- routes that only read

    async def _models(self, exchange: Exchange) -> None:
        principal = await self.callers.live(exchange, None)
        data = await self.bridge.models(principal)
        await exchange.send_json(orjson.dumps({"object": "list", "data": data}))

    async def _model(self, exchange: Exchange) -> None:
        principal = await self.callers.live(exchange, None)
        name = exchange.path[len(_MODEL_PREFIX) :]
        for model in await self.bridge.models(principal):
            if model["id"] == name:
                await exchange.send_json(orjson.dumps(model))
                return
        raise errors.model_not_found(name)

    async def _balance(self, exchange: Exchange) -> None:
        principal = await self.callers.live(exchange, None)
        await exchange.send_json(orjson.dumps(await self.bridge.balance(principal.organization_id)))


def _allowed(asked: bytes | None) -> bytes:
    """What the browser asks for, as long as it looks like header names; else what clients usually send."""
    if asked and len(asked) < 2000 and _NAMES.fullmatch(asked):
        return asked
    return _PREFLIGHT_HEADERS
