"""`rollup + pending = events`, in every bucket and by every dimension, and every span the sum of its buckets."""

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
from billing.verification.spans import STORED, SUMS, Spans, Sums, add, joined
from foundation import periods
from foundation.keyset import pages
from foundation.sql import utc

_WHO = ("project_id", "api_key_id", "model")
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")
_EVENTS, _ROLLUPS, _PENDING = "usage_usageevent", "usage_usagerollup", "usage_pendingrollup"
# With what tells the rows of one bucket apart.
_KEYS = {_ROLLUPS: "id", _PENDING: "event_id"}
# organization, bucket, who, sums, table
_Line = tuple[int, datetime, tuple[Any, ...], list[int], str]


def check(scope: Scope) -> Iterator[Difference]:
    """All tables are read in the order of organization and bucket, so that one bucket at a time is in memory."""
    tables = (_EVENTS, _ROLLUPS, _PENDING, *Spans.tables)
    scope.progress.begin("usage", sum(count(table, scope) for table in tables))
    spans = Spans(scope)
    lines = heapq.merge(_events(scope), *(_stored(table, scope) for table in _KEYS), key=itemgetter(0, 1))
    for (organization_id, bucket), group in groupby(lines, key=itemgetter(0, 1)):
        expected: Sums = {}
        found: Sums = {}
        # What is not pending any more ought to be in the spans.
        folded: Sums = {}
        for _, _, who, values, table in group:
            add(expected if table == _EVENTS else found, who, values)
            if table != _ROLLUPS:
                add(folded, who, values, 1 if table == _EVENTS else -1)
        if expected != found:
            yield from _differences(organization_id, bucket, expected, found)
        yield from spans.add(organization_id, bucket, folded)
    yield from spans.end()


def _differences(organization_id: int, bucket: datetime, expected: Sums, found: Sums) -> Iterator[Difference]:
    nothing = [0] * len(SUMS)
    for who in sorted(expected.keys() | found.keys()):
        project_id, key_id, model = who
        where = f"organization {organization_id} project {project_id} key {key_id} {model} {periods.iso(bucket)}"
        yield from compare("rollup", where, zip(SUMS, expected.get(who, nothing), found.get(who, nothing), strict=True))


def _events(scope: Scope) -> Iterator[_Line]:
    columns = (
        "organization_id", "occurred_at", *_WHO, *_TOKENS, "charge", "input_price", "cached_input_price",
        "usage_source", "id",
    )  # fmt: skip
    for page in pages(_EVENTS, columns, ["organization_id", "occurred_at", "id"], scope.where, scope.params):
        for organization_id, at, project_id, key_id, model, *counts, price, cached_price, usage_source, _ in page:
            sums = [requests_of(usage_source), *counts, (price - cached_price) * counts[1]]
            yield organization_id, _bucket(at), (project_id, key_id, model), sums, _EVENTS
        scope.progress.advance(len(page))


def _stored(table: str, scope: Scope) -> Iterator[_Line]:
    key = _KEYS[table]
    columns = ("organization_id", "bucket", *_WHO, *STORED, key)
    for page in pages(table, columns, ["organization_id", "bucket", key], scope.where, scope.params):
        for organization_id, at, project_id, key_id, model, *values, _ in page:
            yield organization_id, utc(at) or at, (project_id, key_id, model), joined(values), table
        scope.progress.advance(len(page))


@lru_cache(maxsize=4096)
def _bucket(at: datetime) -> datetime:
    return periods.bucket_start(utc(at) or at)
