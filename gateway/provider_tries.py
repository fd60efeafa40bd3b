"""How providers answered lately, until it is written down: at once when one fails, else now and then."""

import time
from datetime import UTC, datetime

from billing.terms import ProviderTries

_EVERY_SECONDS = 5.0


class ProviderNotes:
    """What each provider did since it was written down the last time."""

    def __init__(self) -> None:
        self._news: dict[int, ProviderTries] = {}
        self._told_at: dict[int, float] = {}

    def note(self, provider_id: int, failure: str = "") -> None:
        """A provider answered, or failed in the way that `failure` names."""
        now = datetime.now(UTC)
        news = self._news.setdefault(provider_id, ProviderTries(provider_id))
        if failure:
            news.failed += 1
            news.failing_since = news.failing_since or now
            news.failed_at, news.failure = now, failure
        else:
            news.answered_at, news.failed, news.failing_since = now, 0, None

    def take(self) -> list[ProviderTries]:
        """What is to be written: every failure, and answers of providers that were not written lately."""
        now = time.monotonic()
        news = [
            one
            for one in list(self._news.values())
            if one.failed_at is not None or now - self._told_at.get(one.provider_id, -_EVERY_SECONDS) >= _EVERY_SECONDS
        ]
        for one in news:
            self._news.pop(one.provider_id, None)
            self._told_at[one.provider_id] = now
        return news

    def __bool__(self) -> bool:
        return bool(self._news)
