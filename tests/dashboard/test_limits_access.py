"""Who sees and sets which limits: Alice owns, Bob is in her team, Charlie must see nothing."""

import pytest

from accounts import keys
from accounts.models import Project
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import RefusedRequest, SpendingLimit
from foundation.money import NANO
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    """Limits on the organization, on a project that a developer works in, and on one that they do not."""
    made = house("Alice")
    made.secret = Project.objects.create(organization=made.organization, name="Secret plans")  # type: ignore[attr-defined]
    made.secret_key = keys.create(made.secret, "secret-key", made.actor).api_key  # type: ignore[attr-defined]
    limits.set_limit(made.organization, Terms("usd", 50 * NANO, "month"))
    limits.set_limit(made.project, Terms("tokens", 1000, "day"))
    limits.set_limit(made.secret, Terms("usd", 7 * NANO, "day"))  # type: ignore[attr-defined]
    limits.set_limit(made.secret_key, Terms("requests", 9, "day"))  # type: ignore[attr-defined]
    RefusedRequest.objects.create(
        organization=made.organization, api_key=made.secret_key, request_id="req_secret", model="m",  # type: ignore[attr-defined]
        code="insufficient_quota", message="used $7.00 of its $7.00", at="2026-11-23T12:00:00Z",
    )  # fmt: skip
    return made


def sent(subject: str) -> dict[str, str]:
    return {"subject": subject, "measure": "usd", "amount": "5", "window": "week", "action": "hard", "thresholds": ""}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING])
def test_who_manages_money_sets_limits(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    page = client.get("/limits/").content.decode()
    assert "/limits/add/" in page and "Secret plans" in page
    assert client.post("/limits/add/", sent(alice.project.public_id)).status_code == 302


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_others_look_and_change_nothing(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    limit = SpendingLimit.objects.first()
    assert limit
    page = client.get("/limits/").content.decode()
    for control in ("/limits/add/", "/change/", "/remove/"):
        assert control not in page
    for path in ("add/", f"{limit.public_id}/change/", f"{limit.public_id}/remove/"):
        assert client.get(f"/limits/{path}").status_code == 403
        assert client.post(f"/limits/{path}", sent(alice.organization.public_id)).status_code == 403
    assert SpendingLimit.objects.filter(removed_at=None).count() == 4


def test_a_developer_sees_the_limits_of_what_they_reach(alice: House) -> None:
    client = browser(alice.member("Bob", Role.DEVELOPER))
    page = client.get("/limits/").content.decode()
    assert "Daily token limit" in page and "Monthly spending limit" in page
    for hidden in ("Secret plans", "secret-key", "req_secret"):
        assert hidden not in page
    asked = f"?key={alice.secret_key.public_id}&model=deepseek-chat&input_tokens=1"  # type: ignore[attr-defined]
    assert client.get(f"/limits/{asked}").status_code == 404


def test_a_viewer_sees_no_money(alice: House) -> None:
    client = browser(alice.member("Vera", Role.VIEWER))
    page = client.get("/limits/").content.decode()
    assert "$" not in page.split("<main")[1]
    assert "Daily token limit" in page and "req_secret" in page
    asked = f"?key={alice.secret_key.public_id}&model=deepseek-chat&input_tokens=1"  # type: ignore[attr-defined]
    assert client.get(f"/limits/{asked}").status_code == 403


def test_charlie_finds_nothing_and_changes_nothing(alice: House) -> None:
    charlie = house("Charlie")
    client = browser(charlie.owner)
    assert "Alice" not in client.get("/limits/").content.decode()
    for limit in SpendingLimit.objects.all():
        for verb in ("change", "remove"):
            assert client.get(f"/limits/{limit.public_id}/{verb}/").status_code == 404
            assert client.post(f"/limits/{limit.public_id}/{verb}/", sent("")).status_code == 404
    for subject in (
        alice.organization.public_id, alice.project.public_id, alice.secret_key.public_id, "key_none", "\0",  # type: ignore[attr-defined]
    ):  # fmt: skip
        assert client.post("/limits/add/", sent(subject)).status_code == 404
        assert client.get("/limits/", {"key": subject, "model": "m"}).status_code == 404
    assert SpendingLimit.objects.filter(removed_at=None).count() == 4


def test_nobody_is_sent_to_the_log_in_and_verbs_need_the_form_of_the_page(alice: House) -> None:
    limit = SpendingLimit.objects.first()
    assert limit
    for path in ("/limits/", "/limits/add/", f"/limits/{limit.public_id}/remove/"):
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next=")
    strict = browser(alice.owner, enforce_csrf_checks=True)
    assert strict.post(f"/limits/{limit.public_id}/remove/").status_code == 403
    assert strict.post("/limits/add/", sent(alice.project.public_id)).status_code == 403
    assert browser(alice.owner).post("/limits/").status_code == 405
