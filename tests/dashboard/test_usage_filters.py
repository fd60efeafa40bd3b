"""The Usage page's state is its URL: presets, days, validation at the field, one canonical form."""

import html
from datetime import UTC, date, datetime

import pytest
import time_machine

from dashboard.usage_filters import previous
from tests.dashboard.metered import logged_in
from tests.people import house
from usage.named_periods import preset

TODAY = date(2026, 11, 23)
pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    with time_machine.travel(datetime(2026, 11, 23, 14, 5, tzinfo=UTC), tick=False):
        yield logged_in(house("Alice").owner)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("today", TODAY, TODAY),
        ("7d", date(2026, 11, 17), TODAY),
        ("30d", date(2026, 10, 25), TODAY),
        ("90d", date(2026, 8, 26), TODAY),
        ("month", date(2026, 11, 1), TODAY),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31)),
    ],
)
def test_presets(client, period, first, last):
    assert preset(period, TODAY) == (first, last)
    chosen = client.get(f"/usage/?period={period}").context["filter"]
    assert (chosen.period, chosen.first, chosen.last) == (period, first, last)


def test_the_days_before():
    assert previous("7d", date(2026, 11, 17), TODAY) == (date(2026, 11, 10), date(2026, 11, 16))
    assert previous("month", date(2026, 3, 1), date(2026, 3, 31)) == (date(2026, 2, 1), date(2026, 2, 28))
    assert previous("last-month", date(2026, 3, 1), date(2026, 3, 31)) == (date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("from=2026-11-02&to=2026-11-01", "to", "The last day lies before the first."),
        ("from=2025-11-22&to=2026-11-23", "to", "Choose at most 366 days; these are 367."),
        ("from=yesterday&to=2026-11-01", "from", "Write a day such as 2026-11-23."),
        ("from=2026-02-30", "from", "Write a day such as 2026-11-23."),
        ("to=20261101", "to", "Write a day such as 2026-11-23."),
        ("from=0001-01-01", "from", "Write a day such as 2026-11-23."),
        ("to=9999-12-31", "to", "Write a day such as 2026-11-23."),
        ("from=%D9%A2026-11-01", "from", "Write a day such as 2026-11-23."),
    ],
)
def test_a_wrong_day_has_its_message_at_the_field(client, query, name, message):
    page = client.get(f"/usage/?{query}")
    text = page.content.decode()
    assert page.context["filter"].errors == {name: message}
    assert f'id="e-{name}">{message}' in text and f'aria-describedby="e-{name}"' in text
    assert 'role="alert"' in text and "<title>Error:" in text
    assert "report" not in page.context, "no other days are shown instead"
    typed = page.context["filter"].typed.get(name)
    assert f'value="{html.escape(typed)}"' in text


def test_366_days_are_allowed(client):
    assert client.get("/usage/?from=2025-11-23&to=2026-11-23").context["filter"].errors == {}


def sent(client, **values):
    return client.get("/usage/", values)["Location"]


def test_the_form_leads_to_the_canonical_url(client):
    shown = {"from": "2026-10-25", "to": "2026-11-23", "shown": "2026-10-25.2026-11-23"}
    assert sent(client, **shown, period="30d") == "/usage/?"
    assert sent(client, **shown, period="7d", metric="tokens", by="key") == "/usage/?period=7d&metric=tokens&by=key"
    # A changed day wins over the period that stands beside it.
    changed = {**shown, "from": "2026-11-01"}
    assert sent(client, **changed, period="30d") == "/usage/?from=2026-11-01&to=2026-11-23"
    assert sent(client, **shown, period="custom") == "/usage/?from=2026-10-25&to=2026-11-23"


def test_what_it_does_not_know_is_the_usual(client):
    chosen = client.get("/usage/?period=ever&metric=love&by=moon").context["filter"]
    assert (chosen.period, chosen.metric, chosen.by, chosen.query()) == ("30d", "cost", "model", "?")


def test_every_link_keeps_the_filter(client):
    text = client.get("/usage/?period=7d&model=a&model=b%26c&metric=tokens").content.decode()
    assert "?period=7d&amp;model=b%26c&amp;metric=tokens" in text, "a chip takes one model out"
    assert "?period=7d&amp;metric=tokens" in text, "all filters are cleared"
