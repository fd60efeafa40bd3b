"""Corrections of ingested usage: all that correct one event together make it what the last one said."""

from collections import defaultdict
from collections.abc import Iterator

from billing import rating
from billing.ingestion.corrections import Said, holding
from billing.models import Correction
from billing.models.ingestion import CorrectionKind
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import IngestedRow, ingested
from foundation.money import UnitPrices
from usage.counts import TokenCounts
from usage.models.event import AMENDED, INGESTED, VOIDED

_SOURCES = {CorrectionKind.VOID.value: VOIDED, CorrectionKind.AMEND.value: AMENDED}
# What a correction has of the event that it corrects.
_SAME = (
    "organization_id", "project_id", "api_key_id", "model", "occurred_at", "input_price", "cached_input_price",
    "output_price",
)  # fmt: skip


def check(events: list[IngestedRow]) -> Iterator[Difference]:
    """The corrections among these events, with everything else that was said of what they correct."""
    ids = [event.id for event in events if event.usage_source != INGESTED]
    if not ids:
        return
    known = Correction.objects.in_bulk(ids)
    for event_id in ids:
        if event_id not in known:
            yield difference("event", event_id, "what it corrects", "an event", None)
    targets = sorted({one.event_id for one in known.values()})
    said: defaultdict[int, list[Correction]] = defaultdict(list)
    for one in Correction.objects.filter(event__in=targets).order_by("pk"):
        said[one.event_id].append(one)
    rows = {row.id: row for row in ingested([*targets, *(one.pk for found in said.values() for one in found)])}
    for target_id in targets:
        yield from _target(rows[target_id], said[target_id], rows)


def _target(target: IngestedRow, said: list[Correction], rows: dict[int, IngestedRow]) -> Iterator[Difference]:
    found = [rows[one.pk] for one in said if one.pk in rows]
    for one in said:
        if one.pk not in rows:
            yield difference("correction", one.pk, "its usage event", "one", None)
            continue
        row = rows[one.pk]
        values = [(f"{name} of what it corrects", getattr(target, name), getattr(row, name)) for name in _SAME]
        values.append(("kind of correction", _SOURCES.get(one.kind), row.usage_source))
        yield from compare("event", row.id, values)
    before = _counts(target)
    after = holding(before, [_said(one, rows[one.pk]) for one in said if one.pk in rows])
    prices = UnitPrices(target.input_price, target.cached_input_price, target.output_price)
    changed = [sum(values) for values in zip(*([_counts_of(row) for row in found] or [(0, 0, 0)]), strict=True)]
    expected = [after.input - before.input, after.cached_input - before.cached_input, after.output - before.output]
    charge = rating.charge(after, prices) - rating.charge(before, prices)
    yield from compare(
        "event",
        target.id,
        [
            ("tokens by its corrections", expected, changed),
            ("charge by its corrections", charge, sum(row.charge for row in found)),
        ],
    )


def _said(one: Correction, row: IngestedRow) -> Said:
    stated = TokenCounts(one.input_tokens, one.cached_input_tokens, one.output_tokens)
    return Said(one.kind == CorrectionKind.VOID, one.said_at, (row.source, row.external_id), stated)


def _counts(row: IngestedRow) -> TokenCounts:
    return TokenCounts(*_counts_of(row))


def _counts_of(row: IngestedRow) -> tuple[int, int, int]:
    return row.input_tokens, row.cached_input_tokens, row.output_tokens
