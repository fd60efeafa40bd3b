"""Usage and cost reports of the caller's organization, for keys with the management scope."""

from collections.abc import Callable

import orjson

from accounts.principal import Principal
from gateway import errors, permission
from gateway.bridge import Bridge
from gateway.callers import Callers
from gateway.errors import ApiError
from gateway.http import Exchange
from gateway.limiter import RateLimiter
from gateway.limiter.headers import rate_limit_headers, retry_after_seconds
from gateway.options import GatewayOptions
from usage import report_query
from usage.report_query import InvalidQuery, ReportQuery


class Reports:
    """The two routes under /v1/organization."""

    def __init__(self, bridge: Bridge, callers: Callers, limiter: RateLimiter, options: GatewayOptions) -> None:
        self._bridge = bridge
        self._callers = callers
        self._limiter = limiter
        self._per_minute = options.reports_per_minute

    async def usage(self, exchange: Exchange) -> None:
        """Requests and tokens in time buckets."""
        principal, query = await self._asked(exchange, report_query.usage_query)
        await exchange.send_json(orjson.dumps(await self._bridge.usage_report(principal.organization_id, query)))

    async def costs(self, exchange: Exchange) -> None:
        """USD in buckets of a day."""
        principal, query = await self._asked(exchange, report_query.costs_query)
        await exchange.send_json(orjson.dumps(await self._bridge.costs_report(principal.organization_id, query)))

    async def _limit(self, exchange: Exchange, principal: Principal) -> None:
        """A report reads far more than a request writes. Each key counts alone, as at the management API."""
        slot = await self._limiter.acquire(principal.key_id, self._per_minute, principal.key_id, None)
        exchange.extra = rate_limit_headers(slot)
        if not slot.allowed:
            raise errors.rate_limited(slot.limit, retry_after_seconds(slot))

    async def _asked(self, exchange: Exchange, parse: Callable[[bytes], ReportQuery]) -> tuple[Principal, ReportQuery]:
        principal = await self._callers.live(exchange, permission.MANAGEMENT)
        await self._limit(exchange, principal)
        try:
            return principal, parse(exchange.query)
        except InvalidQuery as error:
            code = "missing_required_parameter" if error.missing else "invalid_value"
            raise ApiError(400, errors.INVALID, code, error.message, param=error.param) from error
