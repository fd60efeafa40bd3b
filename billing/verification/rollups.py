"""`rollup + pending = events`, in every bucket and by every dimension."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from billing.verification.difference import Difference, compare
from billing.verification.rows import count, requests_of
from billing.verification.scope import Scope
from foundation import periods
from foundation.keyset import pages
from foundation.sql import utc

_WHO = ("project_id", "api_key_id", "model")
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")
_SUMS = ("requests", *_TOKENS, "charge")
_EVENTS = "usage_usageevent"
# With what tells the rows of one bucket apart.
_STORED = {"usage_usagerollup": "id", "usage_pendingrollup": "event_id"}
# organization, bucket, who, sums, whether it is stored
_Line = tuple[int, datetime, tuple[Any, ...], tuple[int, ...], bool]


def check(scope: Scope) -> Iterator[Difference]:
    """Both sides are read in the order of organization and bucket, so that one bucket at a time is in memory."""
    scope.progress.begin("usage", sum(count(table, scope) for table in (_EVENTS, *_STORED)))
    lines = heapq.merge(_events(scope), *(_stored(table, scope) for table in _STORED), key=itemgetter(0, 1))
    for (organization_id, bucket), group in groupby(lines, key=itemgetter(0, 1)):
        expected: dict[tuple[Any, ...], list[int]] = {}
        found: dict[tuple[Any, ...], list[int]] = {}
        for _, _, who, values, is_stored in group:
            sums = (found if is_stored else expected).setdefault(who, [0] * len(_SUMS))
            for place, value in enumerate(values):
                sums[place] += value
        if expected != found:
            yield from _differences(organization_id, bucket, expected, found)


def _differences(
    organization_id: int, bucket: datetime, expected: dict[Any, list[int]], found: dict[Any, list[int]]
) -> Iterator[Difference]:
    nothing = [0] * len(_SUMS)
    for who in sorted(expected.keys() | found.keys()):
        project_id, key_id, model = who
        where = f"organization {organization_id} project {project_id} key {key_id} {model} {periods.iso(bucket)}"
        yield from compare(
            "rollup", where, zip(_SUMS, expected.get(who, nothing), found.get(who, nothing), strict=True)
        )


def _events(scope: Scope) -> Iterator[_Line]:
    columns = ("organization_id", "occurred_at", *_WHO, *_TOKENS, "charge", "usage_source", "id")
    for page in pages(_EVENTS, columns, ["organization_id", "occurred_at", "id"], scope.where, scope.params):
        for organization_id, at, project_id, key_id, model, *values, usage_source, _ in page:
            sums = (requests_of(usage_source), *values)
            yield organization_id, _bucket(at), (project_id, key_id, model), sums, False
        scope.progress.advance(len(page))


def _stored(table: str, scope: Scope) -> Iterator[_Line]:
    key = _STORED[table]
    columns = ("organization_id", "bucket", *_WHO, *_SUMS, key)
    for page in pages(table, columns, ["organization_id", "bucket", key], scope.where, scope.params):
        for organization_id, at, project_id, key_id, model, *values, _ in page:
            yield organization_id, utc(at) or at, (project_id, key_id, model), tuple(values), True
        scope.progress.advance(len(page))


@lru_cache(maxsize=4096)
def _bucket(at: datetime) -> datetime:
    return periods.bucket_start(utc(at) or at)
