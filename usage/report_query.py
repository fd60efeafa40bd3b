"""What a client asks of the organization's usage and cost reports: the query of OpenAI's clients, as a value."""

import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

USAGE = "usage"
COSTS = "costs"
# Seconds.
WIDTHS = {"1m": 60, "1h": 3_600, "1d": 86_400}
# Buckets a page: default and most, by bucket width.
_LIMITS = {"1m": (60, 1_440), "1h": (24, 168), "1d": (7, 31)}
_COST_LIMITS = (7, 180)
_GROUPS = {USAGE: ("project_id", "user_id", "api_key_id", "model"), COSTS: ("project_id", "line_item")}
_MOST_VALUES = 200
_MOST_MEMBERS = 500
_LATEST = 253_370_764_800  # 9999-01-01
_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_INDEX = re.compile(r"\[[0-9]{0,4}\]$", re.ASCII)
_PAGE_PREFIX = "page_"


class InvalidQuery(ValueError):
    """A member of the query is missing or makes no sense; `param` names it."""

    def __init__(self, param: str, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.param = param
        self.message = message
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Bucket:
    """[start, end) in unix seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """One page of a report. `width` in seconds; empty tuples filter nothing; ids are public ids.

    Buckets have UTC edges; the first and last are cut at the query's own start and end.
    """

    buckets: tuple[Bucket, ...]
    # The cursor of the next page; None: this is the last one.
    next_page: str | None
    width: int
    group_by: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    api_key_ids: tuple[str, ...] = ()
    project_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()


def usage_query(query_string: bytes, now: float | None = None) -> ReportQuery:
    """The query of a usage report; raises InvalidQuery. `now` in unix seconds."""
    return parse(query_string, USAGE, now)


def costs_query(query_string: bytes, now: float | None = None) -> ReportQuery:
    """The query of a costs report; raises InvalidQuery. `now` in unix seconds."""
    return parse(query_string, COSTS, now)


def parse(query_string: bytes, kind: str, now: float | None = None) -> ReportQuery:
    """The query of a report of that kind; raises InvalidQuery."""
    members = _members(query_string)
    start = _whole(members, "start_time", 0, _LATEST)
    if start is None:
        raise InvalidQuery("start_time", "Missing required parameter: 'start_time' (unix seconds).", missing=True)
    end = _whole(members, "end_time", 0, _LATEST)
    if end is not None and end <= start:
        raise InvalidQuery("end_time", "'end_time' must be later than 'start_time'.")
    name = _single(members, "bucket_width") or "1d"
    allowed = ("1d",) if kind == COSTS else tuple(WIDTHS)
    if name not in allowed:
        raise InvalidQuery("bucket_width", f"'bucket_width' must be one of {', '.join(allowed)}.")
    width = WIDTHS[name]
    default, most = _COST_LIMITS if kind == COSTS else _LIMITS[name]
    limit = _whole(members, "limit", 1, most) or default
    # Nothing can have happened behind the bucket that holds this moment.
    horizon = (int(time.time() if now is None else now) // width + 1) * width
    first = _page_start(members, start, end, width)
    buckets, next_page = _buckets(first, min(end or horizon, horizon), width, limit)
    return ReportQuery(
        buckets=buckets,
        next_page=next_page,
        width=width,
        group_by=_group_by(members, kind),
        models=_several(members, "models"),
        api_key_ids=_several(members, "api_key_ids"),
        project_ids=_several(members, "project_ids"),
        user_ids=_several(members, "user_ids"),
    )


def _buckets(first: int, stop: int, width: int, limit: int) -> tuple[tuple[Bucket, ...], str | None]:
    found: list[Bucket] = []
    at = first
    while at < stop and len(found) < limit:
        edge = (at // width + 1) * width
        found.append(Bucket(at, min(edge, stop)))
        at = edge
    return tuple(found), f"{_PAGE_PREFIX}{at:x}" if found and at < stop else None


def _members(query_string: bytes) -> dict[str, list[str]]:
    """Values by name; OpenAI's clients write lists as `group_by[]=`, `group_by[0]=` or repeat the member."""
    try:
        text = query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_MEMBERS)
    except ValueError as error:
        raise InvalidQuery("query", "The query string is not valid UTF-8 in percent encoding, or too long.") from error
    members: dict[str, list[str]] = {}
    for name, value in pairs:
        members.setdefault(_INDEX.sub("", name), []).append(value)
    return members


def _single(members: dict[str, list[str]], name: str) -> str | None:
    values = members.get(name, [])
    if len(values) > 1:
        raise InvalidQuery(name, f"'{name}' was given more than once.")
    return values[0] if values else None


def _whole(members: dict[str, list[str]], name: str, least: int, most: int) -> int | None:
    value = _single(members, name)
    if value is None:
        return None
    if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
        raise InvalidQuery(name, f"'{name}' must be a whole number from {least} to {most}.")
    return int(value)


def _several(members: dict[str, list[str]], name: str) -> tuple[str, ...]:
    given = members.get(name, [])
    if len(given) > _MOST_VALUES:
        raise InvalidQuery(name, f"'{name}' takes at most {_MOST_VALUES} values.")
    values = tuple(dict.fromkeys(given))
    if any(not value or len(value) > 200 or "\0" in value for value in values):
        raise InvalidQuery(name, f"'{name}' has an empty or impossible value.")
    return values


def _group_by(members: dict[str, list[str]], kind: str) -> tuple[str, ...]:
    groups = _several(members, "group_by")
    if not set(groups) <= set(_GROUPS[kind]):
        raise InvalidQuery("group_by", f"'group_by' takes {', '.join(_GROUPS[kind])}; repeat it for several.")
    return groups


def _page_start(members: dict[str, list[str]], start: int, end: int | None, width: int) -> int:
    """Where the page begins: the cursor is the start of a bucket of the same query."""
    page = _single(members, "page")
    if page is None:
        return start
    digits = page.removeprefix(_PAGE_PREFIX)
    if page != digits and re.fullmatch(r"[0-9a-f]{1,10}", digits, re.ASCII):
        at = int(digits, 16)
        if start < at < (end or _LATEST) and at % width == 0:
            return at
    raise InvalidQuery("page", "'page' is not the 'next_page' of an answer to this query.")
