"""The page of one key: its use, its errors, its limits, its secrets and who still uses an old one."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import RefusedRequest
from foundation.money import NANO
from tests.dashboard.metered import chart, record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def client(alice: House) -> Client:
    return browser(alice.owner)


def page(client: Client, key: ApiKey) -> str:
    answer = client.get(f"/keys/{key.public_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_chart_is_of_this_key_alone_and_its_figures_stand_in_a_table(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    other, _ = alice.key("other")
    now = timezone.now()
    record(
        request_of(key, now, charge=100_000_000),
        request_of(key, now - timedelta(days=3), charge=50_000_000, model="deepseek-coder"),
        request_of(key, now - timedelta(days=60), charge=900_000_000),
        request_of(other, now, charge=700_000_000),
    )
    text = page(client, key)
    drawn = chart(text)
    assert {one["name"]: sum(map(int, one["values"])) for one in drawn["series"]} == {
        "deepseek-chat": 100_000_000,
        "deepseek-coder": 50_000_000,
    }
    assert len(drawn["bars"]) == 30 and f"key={key.public_id}" in drawn["bars"][-1]["url"]
    assert '<data value="0.15">' in text


def test_a_key_that_was_never_used_says_so(alice: House, client: Client) -> None:
    key, _ = alice.key("idle")
    text = page(client, key)
    assert "No usage in the last 30 days." in text
    assert "No request with this key was refused or failed lately." in text
    assert "No limit. If this key leaked, it could spend the whole balance." in text


def test_errors_are_refusals_and_failed_answers_newest_first(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    other, _ = alice.key("other")
    now = timezone.now()
    record(
        request_of(key, now - 2 * MINUTE, status=503, finish_reason="upstream_error", error_code="upstream_error"),
        request_of(key, now - MINUTE),
    )
    for owner, at in ((key, now - MINUTE), (key, now - 3 * MINUTE), (other, now)):
        RefusedRequest.objects.create(
            organization=alice.organization, api_key=owner, request_id=f"req_{owner.pk}_{at:%M}", model="gpt-9",
            code="model_not_found", message="There is no such model.", at=at,
        )  # fmt: skip
    answer = client.get(f"/keys/{key.public_id}/")
    found = [(one.code, one.said) for one in answer.context["failures"]]
    assert found == [
        ("model_not_found", "There is no such model."),
        ("upstream_error", "503: Broke off"),
        ("model_not_found", "There is no such model."),
    ]
    text = answer.content.decode()
    assert "/docs/errors/model_not_found/" in text and "/docs/errors/upstream_error/" in text


def test_who_still_uses_the_old_secret_stands_beside_the_button_that_stops_it(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    old = key.current_secret()
    assert old
    keys.regenerate(key, alice.actor, grace=timedelta(hours=24))
    assert "Nobody has used it since there is a new one." in page(client, key)
    record(request_of(key, timezone.now(), secret_id=old.pk))
    keys.note_uses({old.pk: "203.0.113.7"})
    text = " ".join(page(client, key).split())
    assert "Since there is a new one it was used for 1 request, last" in text and "from 203.0.113.7" in text
    client.post(f"/keys/{key.public_id}/stop-old/")
    text = " ".join(page(client, key).split())
    assert "Stop now" not in text and "Old secret stopped by" in text


def test_every_secret_with_who_made_and_who_ended_it(alice: House, client: Client) -> None:
    key, first = alice.key("production-web")
    second = keys.regenerate(key, alice.actor).secret
    third = keys.regenerate(key, alice.actor, grace=timedelta(hours=1)).secret
    found = client.get(f"/keys/{key.public_id}/").context["secrets"]
    assert [str(one.secret)[-4:] for one in found] == [third[-4:], second[-4:], first[-4:]]
    assert [one.state for one in found] == ["Current", "Old, still works", "Ended"]
    assert all(one.made_by.actor == alice.owner for one in found)
    assert found[0].ended_by is None and found[1].ended_by.action == found[2].ended_by.action == "key.regenerated"
    keys.revoke(key, alice.actor)
    found = client.get(f"/keys/{key.public_id}/").context["secrets"]
    assert found[0].ended_by.action == "key.revoked" and {one.state for one in found} == {"Ended"}


def test_the_limits_that_a_request_meets(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    other, _ = alice.key("other")
    for subject, amount in ((key, 1), (alice.project, 2), (alice.organization, 3), (other, 4)):
        limits.set_limit(subject, Terms("usd", amount * NANO, "month"), alice.actor)
    found = client.get(f"/keys/{key.public_id}/").context["limits"]
    assert [(one.limit.scope, one.limit.amount // NANO) for one in found] == [
        ("key", 1), ("project", 2), ("organization", 3),
    ]  # fmt: skip


def test_a_viewer_sees_figures_but_no_secrets_addresses_or_money(alice: House) -> None:
    key, _ = alice.key("production-web")
    secret = key.current_secret()
    assert secret
    record(request_of(key, timezone.now(), charge=100_000_000))
    keys.note_uses({secret.pk: "203.0.113.7"})
    keys.regenerate(key, alice.actor, grace=timedelta(hours=1))
    text = page(browser(alice.member("Lena", Role.VIEWER)), key)
    assert "sk-…" not in text and "203.0.113.7" not in text and "Stop now" not in text
    assert "$0.1" not in text and chart(text)["metric"] == "tokens"


def test_a_name_that_is_taken_stays_in_its_field(alice: House, client: Client) -> None:
    key, _ = alice.key("one")
    alice.key("two")
    answer = client.post(f"/keys/{key.public_id}/rename/", {"name": "two"})
    text = answer.content.decode()
    assert answer.status_code == 422 and "<title>Error: one" in text
    assert 'value="two"' in text and 'role="alert"' in text and 'href="#id_name"' in text


def test_the_rail_says_where_one_is(alice: House, client: Client) -> None:
    key, _ = alice.key("one")
    for path in ("/keys/", f"/keys/{key.public_id}/"):
        assert 'href="/keys/" aria-current="page"' in client.get(path).content.decode(), path


def test_disabling_offers_to_undo_it(alice: House, client: Client) -> None:
    key, _ = alice.key("one")
    text = client.post(f"/keys/{key.public_id}/disable/", follow=True).content.decode()
    assert f'action="/keys/{key.public_id}/enable/"' in text[: text.index("<h1")] and "Undo" in text
    client.post(f"/keys/{key.public_id}/enable/")
    assert ApiKey.objects.get(pk=key.pk).status() == "active"
