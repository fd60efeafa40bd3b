"""A limit that comes with a project, what the list says of it, and the project's own thirty days."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Project
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import SpendingLimit, SpendingWindow
from foundation.money import NANO
from tests.dashboard.metered import chart, record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def client(alice: House) -> Client:
    return browser(alice.owner)


def test_a_project_is_made_with_its_limit_or_not_at_all(alice: House, client: Client) -> None:
    data = {"name": "Storefront", "spending_limit": "-5", "limit_window": "day"}
    answer = client.post("/projects/create/", data)
    assert answer.status_code == 422 and 'value="-5"' in answer.content.decode()
    assert not Project.objects.filter(name="Storefront").exists()
    assert client.post("/projects/create/", {**data, "spending_limit": "5"}).status_code == 302
    limit = SpendingLimit.objects.get()
    assert (limit.project, limit.amount, limit.window) == (Project.objects.get(name="Storefront"), 5 * NANO, "day")
    assert client.post("/projects/create/", {**data, "spending_limit": "7"}).status_code == 422
    assert SpendingLimit.objects.count() == 1


def test_the_list_says_what_is_allowed_and_when_it_is_used_up(alice: House, client: Client) -> None:
    limits.set_limit(alice.project, Terms("usd", 10 * NANO, "month"), alice.actor)
    row = client.get("/projects/").context["rows"][0]
    assert row.limit_text == "of $10.00 (Monthly spending limit)" and not row.is_over
    SpendingWindow.objects.update(settled=10 * NANO)
    assert "Over limit" in client.get("/projects/").content.decode()
    viewer = browser(alice.member("Lena", Role.VIEWER)).get("/projects/").content.decode()
    assert "$10.00" not in viewer


def test_the_page_has_its_own_chart_and_the_limits_that_hold(alice: House, client: Client) -> None:
    other = Project.objects.create(organization=alice.organization, name="Other")
    key, _ = alice.key()
    record(request_of(key, timezone.now(), charge=100_000_000))
    limits.set_limit(alice.project, Terms("requests", 10, "day"), alice.actor)
    limits.set_limit(other, Terms("requests", 20, "day"), alice.actor)
    text = client.get(f"/projects/{alice.project.public_id}/").content.decode()
    [series] = chart(text)["series"]
    assert sum(map(int, series["values"])) == 100_000_000
    assert "10 requests" in text and "20 requests" not in text
    assert f"/limits/add/?subject={alice.project.public_id}" in text
    text = client.get(f"/projects/{other.public_id}/").content.decode()
    assert "No usage in the last 30 days." in text
