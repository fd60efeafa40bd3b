"""Days are those of the organization's zone, wherever the browser is: the same bars, words and figures."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import ApiKey, Organization
from foundation import periods
from tests.browser.playground import chromium_running
from tests.dashboard.console import Person, aside, operator
from tests.dashboard.metered import record, request_of
from tests.databases import using
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]
BROWSERS = ("Asia/Kolkata", "Pacific/Kiritimati", "America/Los_Angeles")
SECOND = timedelta(seconds=1)
CHART = """() => {
  const chart = Chart.getChart(document.querySelector("canvas"));
  const at = (place) => chart.data.datasets.reduce((sum, one) => sum + Number(one.data[place]), 0);
  const sums = chart.data.labels.map((_, place) => at(place));
  return {labels: chart.data.labels.map(String), sums, name: chart.canvas.getAttribute("aria-label")};
}"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def alice(server: RunningServer) -> Person:
    return operator(server)


def day_of_change(zone: ZoneInfo) -> date:
    """The last day but yesterday that had more or fewer than 24 hours."""
    day = datetime.now(zone).date() - timedelta(days=3)
    while periods.day_start(day + timedelta(days=1), zone) - periods.day_start(day, zone) == timedelta(days=1):
        day -= timedelta(days=1)
    return day


def around_midnight(server: RunningServer, blocker: DjangoDbBlocker, zone: str, day: date) -> None:
    """A request in the last second of the day before, one in its first; then a day with none, and one again."""

    def write() -> None:
        with blocker.unblock(), using(server.database_url):
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            Organization.objects.filter(name="Meterhouse").update(time_zone=zone, created_at=long_ago)
            key = ApiKey.objects.get(name="first-key")
            start, later = (periods.day_start(day + timedelta(days=ahead), ZoneInfo(zone)) for ahead in (0, 2))
            record(*(request_of(key, at, model=zone) for at in (start - SECOND, start, later)))

    aside(write)


def seen(browser: Browser, server: RunningServer, alice: Person, zone: str, query: str) -> dict[str, Any]:
    """What somebody in this zone sees of the Usage page."""
    context = browser.new_context(timezone_id=zone)
    cookies = alice.http.cookies
    names = ("sessionid", "csrftoken")
    context.add_cookies([{"name": name, "value": cookies[name], "url": server.url} for name in names])
    page = context.new_page()
    page.goto(f"{server.url}/usage/{query}")
    page.wait_for_function("() => window.Chart && Chart.getChart(document.querySelector('canvas'))")
    found: dict[str, Any] = page.evaluate(CHART)
    page.focus(".chart-box")
    told = []
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
        told.append(page.inner_text("#status"))
    # The pages are not asked for in the same minute.
    text, ages = re.subn(r"updated (just now|\d+ (s|min) ago)", "", page.inner_text("main"))
    assert ages == 1
    found |= {"told": told, "page": text, "here": page.evaluate("new Date(0).getHours()")}
    context.close()
    return found


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin"])
def test_the_zone_of_the_browser_changes_nothing(
    browser: Browser, server: RunningServer, alice: Person, django_db_blocker: DjangoDbBlocker, zone: str
) -> None:
    kolkata = zone == "Asia/Kolkata"
    day = datetime.now(ZoneInfo(zone)).date() - timedelta(days=5) if kolkata else day_of_change(ZoneInfo(zone))
    around_midnight(server, django_db_blocker, zone, day)
    query = f"?from={day - timedelta(days=1)}&to={day + timedelta(days=2)}&metric=requests&model={zone}"
    views = [seen(browser, server, alice, where, query) for where in BROWSERS]
    assert len({view.pop("here") for view in views}) == len(BROWSERS), "the browsers are not where they should be"
    assert views[0]["sums"] == [1, 1, 0, 1]
    assert views[1:] == views[:1] * 2
