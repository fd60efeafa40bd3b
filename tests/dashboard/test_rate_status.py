"""Where a rate limit stands: on the Overview and on the key's page."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts import keys
from accounts.models import ApiKey
from accounts.roles import Role
from billing.models import RefusalCount
from tests.dashboard.metered import admitted
from tests.dashboard.people_at_work import browser
from tests.people import House, house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    with time_machine.travel(NOW, tick=False):
        yield house("Alice", rpm=60)


def _refused(key: ApiKey, ago: timedelta, count: int, code: str = "rate_limit_exceeded") -> None:
    minute = (NOW - ago).replace(second=0, microsecond=0)
    RefusalCount.objects.create(
        organization_id=key.organization_id, project_id=key.project_id, api_key=key, model="deepseek-chat",
        code=code, minute=minute, count=count,
    )  # fmt: skip


def _limited(alice: House, name: str, rpm: int | None) -> ApiKey:
    return alice.key(name, requests_per_minute=rpm)[0]


def test_a_key_shows_its_limit_its_use_when_it_is_free_and_what_was_refused(alice: House) -> None:
    key, other = _limited(alice, "one", 20), _limited(alice, "two", 20)
    for number, ago in enumerate((12, 30, 59, 61), start=1):
        admitted(key, number, NOW - timedelta(seconds=ago))
    admitted(other, 9, NOW - timedelta(seconds=1))
    _refused(key, timedelta(hours=2), 3)
    _refused(key, timedelta(hours=25), 100)
    _refused(key, timedelta(hours=1), 7, "insufficient_quota")
    _refused(other, timedelta(hours=1), 5)
    page = browser(alice.owner).get(f"/keys/{key.public_id}/")
    rate = page.context["rate"]
    assert (rate.limit, rate.used, rate.left, rate.refused) == (20, 3, 17, 3)
    assert rate.free_at == NOW + timedelta(seconds=48)
    text = page.content.decode()
    assert "3 of 20 requests" in text and "14:05:48 UTC" in text
    assert "/docs/errors/rate_limit_exceeded/" in text
    assert 'data-live="rate"' in text and "js/live" in text


def test_a_key_without_a_limit_of_its_own_says_whose_holds(alice: House) -> None:
    key = _limited(alice, "free", None)
    admitted(key, 1, NOW - timedelta(seconds=5))
    page = browser(alice.owner).get(f"/keys/{key.public_id}/")
    assert page.context["rate"].used == 1 and page.context["rate"].left is None
    assert "None of its own" in page.content.decode()


def test_nearly_used_up_is_said_in_words(alice: House) -> None:
    key = _limited(alice, "busy", 10)
    for number in range(9):
        admitted(key, number + 1, NOW - timedelta(seconds=5))
    assert "Nearly used up" in browser(alice.owner).get(f"/keys/{key.public_id}/").content.decode()


def test_a_revoked_key_has_no_rate(alice: House) -> None:
    key = _limited(alice, "gone", 10)
    keys.revoke(key)
    page = browser(alice.owner).get(f"/keys/{key.public_id}/")
    assert page.context["rate"] is None and "data-live-page" not in page.content.decode()


def test_the_overview_counts_every_key(alice: House) -> None:
    key = alice.key("one")[0]
    stranger = house("Charlie").key("other")[0]
    for number, ago in enumerate((0.5, 30, 61), start=1):
        admitted(key, number, NOW - timedelta(seconds=ago))
    admitted(stranger, 99, NOW - timedelta(seconds=1))
    _refused(key, timedelta(hours=1), 4)
    _refused(stranger, timedelta(hours=1), 50)
    page = browser(alice.owner).get("/")
    pace = page.context["report"].pace
    assert (pace.used, pace.limit, pace.refused) == (2, 60, 4)
    text = page.content.decode()
    assert "4 refused in 24 h" in text and 'data-live="cards"' in text and "14:05:59 UTC" in text


def test_a_developer_sees_the_refusals_of_own_projects_only(alice: House) -> None:
    _refused(alice.key("one")[0], timedelta(hours=1), 4)
    page = browser(alice.member("Dev", Role.DEVELOPER, works_here=False)).get("/")
    assert page.context["report"].pace.refused == 0
