"""The organization's usage and costs in the shape of OpenAI's organization API.

Whole quarters of an hour come from rollups and pending rows; minutes, cut edges and users from the events themselves.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection

from accounts.models import ApiKey, Project, User
from foundation.money import CURRENCY, usd_string
from foundation.periods import BUCKET
from foundation.sql import placeholders
from usage.report_query import ReportQuery
from usage.reports import Filter, Sums, series_by

_QUARTER = int(BUCKET.total_seconds())
# How the reports name a group, as a column of events and as a group of `usage.reports`.
_COLUMNS = {
    "project_id": "project_id",
    "user_id": "user_id",
    "api_key_id": "api_key_id",
    "model": "model",
    "line_item": "model",
}
_ROLLUP_GROUPS = {"project_id": "project", "api_key_id": "key", "model": "model", "line_item": "model"}
# A correction of an ingested event is no request; one that voids it takes it away.
_SUMS = (
    "SUM(CASE e.usage_source WHEN 'voided' THEN -1 WHEN 'amended' THEN 0 ELSE 1 END), SUM(e.input_tokens), "
    "SUM(e.cached_input_tokens), SUM(e.output_tokens), SUM(e.charge)"
)
_PERIODS_A_STATEMENT = 300
Groups = dict[tuple[Any, ...], Sums]


def usage_page(organization_id: int, query: ReportQuery) -> dict[str, Any]:
    """Tokens and requests by bucket; `input_tokens` includes the cached ones. null where not grouped."""

    def result(named: dict[str, Any], sums: Sums) -> dict[str, Any]:
        return {
            "object": "organization.usage.completions.result",
            "input_tokens": sums.prompt,
            "output_tokens": sums.output,
            "input_cached_tokens": sums.cached_input,
            "num_model_requests": sums.requests,
            "project_id": named.get("project_id"),
            "user_id": named.get("user_id"),
            "api_key_id": named.get("api_key_id"),
            "model": named.get("model"),
        }

    return _page(organization_id, query, result)


def costs_page(organization_id: int, query: ReportQuery) -> dict[str, Any]:
    """Charges by bucket; `amount.value` is an exact JSON number of USD. A line item is a model."""

    def result(named: dict[str, Any], sums: Sums) -> dict[str, Any]:
        return {
            "object": "organization.costs.result",
            # The digits themselves: no binary float carries money, not even to the encoder.
            "amount": {"value": orjson.Fragment(usd_string(sums.charge)), "currency": CURRENCY.lower()},
            "line_item": named.get("line_item"),
            "project_id": named.get("project_id"),
        }

    return _page(organization_id, query, result)


def _page(
    organization_id: int,
    query: ReportQuery,
    result: Callable[[dict[str, Any], Sums], dict[str, Any]],
) -> dict[str, Any]:
    found = _sums(organization_id, query)
    names = _names(query.group_by, found)
    data = []
    for bucket, groups in zip(query.buckets, found, strict=True):
        results = []
        for values, sums in sorted(groups.items(), key=_dearest_first):
            named = {group: names[group].get(value) for group, value in zip(query.group_by, values, strict=True)}
            results.append(result(named, sums))
        data.append({"object": "bucket", "start_time": bucket.start, "end_time": bucket.end, "results": results})
    return {"object": "page", "data": data, "has_more": query.next_page is not None, "next_page": query.next_page}


def _dearest_first(group: tuple[tuple[Any, ...], Sums]) -> tuple[Any, ...]:
    values, sums = group
    return (-sums.charge, -sums.requests, tuple(map(str, values)))


def _names(group_by: Sequence[str], found: list[Groups]) -> dict[str, dict[Any, str]]:
    """Public names of the values of each group."""
    models = {"project_id": Project, "api_key_id": ApiKey, "user_id": User}
    named: dict[str, dict[Any, str]] = {}
    for position, group in enumerate(group_by):
        values = {key[position] for groups in found for key in groups} - {None}
        model = models.get(group)
        if model is None:
            named[group] = {value: value for value in values}
        else:
            named[group] = dict(model._default_manager.filter(pk__in=values).values_list("pk", "public_id"))
    return named


def _sums(organization_id: int, query: ReportQuery) -> list[Groups]:
    """Sums by the values of `group_by`, for each bucket."""
    found: list[Groups] = [{} for _ in query.buckets]
    chosen = _chosen(organization_id, query)
    if chosen is None:
        return found
    needs_events = query.width < _QUARTER or "user_id" in query.group_by or bool(query.user_ids)
    pieces: list[tuple[int, int, int]] = []
    whole: list[tuple[int, int, int]] = []
    for number, bucket in enumerate(query.buckets):
        first = -(-bucket.start // _QUARTER) * _QUARTER
        last = bucket.end // _QUARTER * _QUARTER
        if needs_events or first >= last:
            pieces.append((number, bucket.start, bucket.end))
            continue
        whole.append((number, first, last))
        pieces += [
            piece for piece in ((number, bucket.start, first), (number, last, bucket.end)) if piece[1] < piece[2]
        ]
    _add_rollups(found, chosen, query, whole)
    _add_events(found, chosen, query, pieces)
    return found


def _chosen(organization_id: int, query: ReportQuery) -> Filter | None:
    """The filter with ids of our own; None when it names only what the organization does not have."""
    projects = keys = None
    if query.project_ids:
        projects = _ids(Project.objects.filter(organization_id=organization_id), query.project_ids)
    if query.api_key_ids:
        keys = _ids(ApiKey.objects.filter(organization_id=organization_id), query.api_key_ids)
    if projects == () or keys == ():
        return None
    # Start and end come from the buckets.
    epoch = datetime.fromtimestamp(0, UTC)
    return Filter(organization_id, epoch, epoch, projects, keys or (), query.models)


def _ids(rows: Any, public_ids: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(rows.filter(public_id__in=public_ids).order_by("pk").values_list("pk", flat=True))


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _add(groups: Groups, key: tuple[Any, ...], sums: Sums) -> None:
    groups[key] = groups.get(key, Sums()) + sums


def _add_rollups(found: list[Groups], chosen: Filter, query: ReportQuery, whole: list[tuple[int, int, int]]) -> None:
    """Add consecutive periods that lie on quarters of an hour."""
    if not whole:
        return
    edges = [_at(first) for _, first, _ in whole] + [_at(whole[-1][2])]
    by = [_ROLLUP_GROUPS[group] for group in query.group_by]
    for (number, _, _), groups in zip(whole, series_by(chosen, edges, by), strict=True):
        for key, sums in groups.items():
            _add(found[number], () if not by else (key,) if len(by) == 1 else tuple(key), sums)


def _add_events(found: list[Groups], chosen: Filter, query: ReportQuery, pieces: list[tuple[int, int, int]]) -> None:
    """Add periods of any kind from the events, each read through the index by time."""
    columns = [f"e.{_COLUMNS[group]}" for group in query.group_by]
    by = "".join(f", {column}" for column in columns)
    where, where_params = _event_condition(chosen, query)
    adapt = connection.ops.adapt_datetimefield_value
    for start in range(0, len(pieces), _PERIODS_A_STATEMENT):
        part = pieces[start : start + _PERIODS_A_STATEMENT]
        values = ",".join(["(%s,%s,%s)"] * len(part))
        params = [value for number, since, until in part for value in (number, adapt(_at(since)), adapt(_at(until)))]
        sql = (
            f"WITH period(number, since, until) AS (VALUES {values}) "  # noqa: S608
            f"SELECT period.number{by}, {_SUMS} FROM period JOIN usage_usageevent e ON {where} "
            f"AND e.occurred_at >= period.since AND e.occurred_at < period.until GROUP BY period.number{by}"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, params + where_params)
            for row in cursor.fetchall():
                sums = Sums(*(int(value or 0) for value in row[1 + len(columns) :]))
                _add(found[int(row[0])], tuple(row[1 : 1 + len(columns)]), sums)


def _event_condition(chosen: Filter, query: ReportQuery) -> tuple[str, list[Any]]:
    clauses = ["e.organization_id = %s"]
    params: list[Any] = [chosen.organization_id]
    users = _ids(User.objects.all(), query.user_ids) or (0,) if query.user_ids else ()
    for column, values in (
        ("project_id", chosen.project_ids or ()),
        ("api_key_id", chosen.key_ids),
        ("model", chosen.models),
        ("user_id", users),
    ):
        if values:
            clauses.append(f"e.{column} IN {placeholders(len(values))}")
            params += values
    return " AND ".join(clauses), params
