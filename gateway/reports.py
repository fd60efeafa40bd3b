"""Usage and cost reports of the caller's organization, for keys with the management scope."""

from collections.abc import Callable

import orjson

from accounts.principal import Principal
from gateway import errors, permission
from gateway.bridge import Bridge
from gateway.callers import Callers
from gateway.errors import ApiError
from gateway.http import Exchange
from usage import report_query
from usage.report_query import InvalidQuery, ReportQuery


class Reports:
    """The two routes under /v1/organization."""

    def __init__(self, bridge: Bridge, callers: Callers) -> None:
        self._bridge = bridge
        self._callers = callers

    async def usage(self, exchange: Exchange) -> None:
        """Requests and tokens in time buckets."""
        principal, query = await self._asked(exchange, report_query.usage_query)
        await exchange.send_json(orjson.dumps(await self._bridge.usage_report(principal.organization_id, query)))

    async def costs(self, exchange: Exchange) -> None:
        """USD in buckets of a day."""
        principal, query = await self._asked(exchange, report_query.costs_query)
        await exchange.send_json(orjson.dumps(await self._bridge.costs_report(principal.organization_id, query)))

    async def _asked(self, exchange: Exchange, parse: Callable[[bytes], ReportQuery]) -> tuple[Principal, ReportQuery]:
        principal = await self._callers.live(exchange, permission.MANAGEMENT)
        try:
            return principal, parse(exchange.query)
        except InvalidQuery as error:
            code = "missing_required_parameter" if error.missing else "invalid_value"
            raise ApiError(400, errors.INVALID, code, error.message, param=error.param) from error
