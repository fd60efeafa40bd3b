"""Instants as ISO 8601 with a Z, whatever zone a person's pages are in; and days."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


class Instant(serializers.DateTimeField):
    """Comes in with any offset (UTC without one), goes out in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)


class Day(serializers.DateField):
    """A day of the calendar, such as 2026-11-30."""

    default_error_messages = {"invalid": "Write a day such as 2026-11-30."}


def instant(at: datetime) -> str:
    """The text of the instant."""
    return str(Instant().to_representation(at))
