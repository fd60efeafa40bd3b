"""Values of a record: numbers and instants, from JSON or from the text of a table's cell."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from billing.ingestion.event import USAGE, Rejected

Record = Mapping[str, Any]


def usage(source: str, external_id: str, at: datetime | None, data: dict[str, Any]) -> dict[str, Any]:
    """The CloudEvent of usage; members of `data` that are None are left out."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "type": USAGE,
        "source": source,
        "id": external_id,
        "data": {name: value for name, value in data.items() if value is not None},
    }
    if at is not None:
        event["time"] = at.isoformat()
    return event


def text(record: Record, *names: str) -> str:
    """The first that is there; raises Rejected when none is."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
    raise Rejected("invalid_event", f"`{names[0]}` is missing.", names[0])


def whole(record: Record, name: str) -> int | None:
    """A whole number; None when it is not there."""
    value = record.get(name)
    if value is None or value == "":
        return None
    number = _number(value, name)
    if number != number.to_integral_value():
        raise Rejected("invalid_event", f"`{name}` must be a whole number, not {str(value)[:64]}.", name)
    return int(number)


def part(record: Record, name: str, whole_number: int) -> int | None:
    """A whole number that is a part of another one; None when it is not there or cannot be that."""
    found = whole(record, name)
    return found if found is not None and 0 <= found <= whole_number else None


def needed(record: Record, *names: str) -> int:
    """The first whole number that is there; raises Rejected when none is."""
    for name in names:
        if (found := whole(record, name)) is not None:
            return found
    raise Rejected("invalid_event", f"`{names[0]}` is missing.", names[0])


def instant(record: Record, name: str) -> datetime | None:
    """A unix time in seconds, or ISO 8601; without a zone it is UTC, as such logs write it."""
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        return _at(_number(value, name))
    except (ValueError, OverflowError, OSError) as error:
        message = f"`{name}` must be a unix time or ISO 8601, not {str(value)[:64]}."
        raise Rejected("invalid_event", message, name) from error


def inner(record: Record, *path: str) -> Record:
    """The object at the end of the path, also where a table holds it as text; empty when it is not there."""
    found = record
    for name in path:
        found = _object(found.get(name))
    return found


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """Between the two; None when one of them is not known or they are the wrong way round."""
    if start is None or end is None or end < start:
        return None
    return round((end - start).total_seconds() * 1000)


def _object(value: Any) -> Record:
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any, name: str) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InvalidOperation
        number = Decimal(str(value))
        # Beyond any time and any count; NaN is neither.
        if not abs(number) < Decimal(10) ** 15:
            raise InvalidOperation
        return number
    except InvalidOperation as error:
        raise Rejected("invalid_event", f"`{name}` must be a number, not {str(value)[:64]}.", name) from error


def _at(seconds: Decimal) -> datetime:
    whole_seconds = int(seconds)
    return datetime.fromtimestamp(whole_seconds, UTC).replace(microsecond=int((seconds - whole_seconds) * 1_000_000))
