"""A page whose clock stands: nothing is due before a test says so, however long the machine takes."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page

_START = datetime(2030, 1, 1, tzinfo=UTC)


def stop_the_clock(page: Page) -> None:
    """Of this page and of those that follow in its context; `page.clock.run_for` moves it on."""
    page.clock.install(time=_START)
    page.clock.pause_at(_START + timedelta(hours=1))
