"""How commands take a moment in the future."""

from datetime import UTC, datetime

from django.core.management.base import CommandError
from django.utils import timezone


def future(text: str | None, option: str) -> datetime | None:
    """ISO 8601, UTC where it names no zone; raises CommandError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option}: write a day or a time such as 2027-01-01 or 2027-01-01T12:00:00Z.") from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= timezone.now():
        raise CommandError(f"{option}: {text} is not in the future.")
    return at
