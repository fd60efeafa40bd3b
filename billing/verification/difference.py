"""What is not as the raw events say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundation.periods import iso
from foundation.sql import utc


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that ought to be another. Amounts are nano-USD unless `what` names another measure."""

    # What the id names: hold, event, transaction, grant, organization, window, alert, rollup, late usage, adjustment
    # or day.
    subject: str
    id: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject} {self.id}: {self.what}: expected {self.expected}, found {self.found}"

    def as_json(self) -> dict[str, str]:
        """The same as plain values."""
        return {
            "subject": self.subject,
            "id": self.id,
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
        }


def difference(subject: str, pk: object, what: str, expected: object, found: object) -> Difference:
    """A difference with its values in words."""
    return Difference(subject, _said(pk), what, _said(expected), _said(found))


def compare(subject: str, pk: object, values: Iterable[tuple[str, Any, Any]]) -> Iterator[Difference]:
    """A difference for each (what, expected, found) that are not equal."""
    for what, expected, found in values:
        if expected != found:
            yield difference(subject, pk, what, expected, found)


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return iso(utc(value) or value)
    return str(value)
