"""The filter of the Requests tab: the Usage page's, and how a request ended, its status, its hour, a place to go on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard import usage_filters
from dashboard.usage_filters import Scope, Unknown, UsageFilter
from usage import request_list
from usage.models import UsageEvent
from usage.reports import Filter

ENDINGS = {
    "stop": _("Complete"),
    "length": _("Cut at the maximum"),
    "tool_calls": _("Asked for a tool"),
    "content_filter": _("Cut by a content filter"),
    "client_closed": _("Stopped by the client"),
    "upstream_error": _("Broke off"),
    "interrupted": _("Cut by a restart"),
    "recovered": _("Recovered after a crash"),
}
STATUSES = {"2xx": _("2xx: answered"), "4xx": _("4xx: the request"), "5xx": _("5xx: our side")}
SIZES = (25, 50, 100)
USUAL_SIZE = 50
_HOUR = timedelta(hours=1)
_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are listed. `before` is the id of the request after which the page begins."""

    usage: UsageFilter
    ended: str = ""
    status: str = ""
    hour: datetime | None = None
    before: int | None = None
    size: int = USUAL_SIZE
    # What was typed into the field of the request id.
    typed_id: str = ""

    @property
    def scope(self) -> Scope:
        return self.usage.scope

    @property
    def edges(self) -> Sequence[datetime]:
        """The first instant and the end."""
        if self.hour:
            return (self.hour, self.hour + _HOUR)
        found = self.usage.edges("day")
        return (found[0], found[-1])

    @property
    def chosen(self) -> Filter:
        """What reports understand of it."""
        return self.usage.chosen(self.edges)

    @property
    def is_counted(self) -> bool:
        """Whether reports can say how many requests these are."""
        return not self.ended and not self.status

    @property
    def more(self) -> str:
        """What this filter has beyond the Usage page's, to be put behind a query string."""
        pairs = self._own()
        return f"&{urlencode(pairs)}" if pairs else ""

    def events(self) -> QuerySet[UsageEvent]:
        """The requests, newest first."""
        return request_list.newest_first(self.chosen, self.ended, self.status)

    def page(self) -> list[UsageEvent]:
        """One page, and one more to know whether there is another."""
        found = self.events()
        if self.before is not None:
            last = UsageEvent.objects.filter(organization=self.scope.organization, pk=self.before).first()
            if last is None:
                raise Unknown("There is no such request.")
            found = request_list.older(found, last)
        return list(found.select_related("api_key__project")[: self.size + 1])

    def query(self, **changes: Any) -> str:
        """The canonical query string with some values of this filter changed; without `before`, the first page."""
        names = {"ended", "status", "hour", "size"} & set(changes)
        own = replace(self, **{name: changes.pop(name) for name in names})
        before = changes.pop("before", None)
        pairs = own._own() + ([("before", before)] if before else [])
        query = self.usage.query(**changes)
        joined = "&".join(part for part in (query[1:], urlencode(pairs)) if part)
        return f"?{joined}"

    def _own(self) -> list[tuple[str, Any]]:
        pairs: list[tuple[str, Any]] = [("ended", self.ended), ("status", self.status)]
        if self.hour:
            pairs.append(("hour", f"{self.hour:%Y-%m-%dT%H:%MZ}"))
        if self.size != USUAL_SIZE:
            pairs.append(("size", self.size))
        return [(name, value) for name, value in pairs if value]


def read(query: QueryDict, scope: Scope, now: datetime) -> RequestFilter:
    """The filter of a URL. Raises Unknown."""
    found = usage_filters.read(query, scope, now)
    ended, status = query.get("ended", ""), query.get("status", "")
    size = query.get("size", "")
    return RequestFilter(
        usage=found,
        ended=ended if ended in ENDINGS else "",
        status=status if status in STATUSES else "",
        hour=_hour(query.get("hour", ""), found),
        before=_before(query.get("before", "")),
        size=int(size) if size in {str(one) for one in SIZES} else USUAL_SIZE,
        typed_id=query.get("id", "").replace("\0", "").strip()[:_ID_LENGTH],
    )


def _hour(text: str, found: UsageFilter) -> datetime | None:
    """The start of an hour within the days; any other text is no hour."""
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    edges = found.edges("day")
    return at if edges[0] <= at < edges[-1] else None


def _before(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < 2**63):
        raise Unknown("There is no such request.")
    return int(text)
