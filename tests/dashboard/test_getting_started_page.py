"""Getting started: ticks that come from what was done, the secret in one response, examples that run."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Project
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import RefusedRequest
from dashboard.getting_started_snippets import snippets
from foundation.money import NANO
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db
URL = "/getting-started/"


@pytest.fixture
def alice() -> House:
    return house("Alice", plan="free")


@pytest.fixture
def client(alice: House) -> Client:
    return browser(alice.owner)


def steps(client: Client) -> dict[str, bool]:
    """What the list says of each step."""
    return {step.name: step.is_done for step in client.get(URL).context["checklist"].steps}


def create(client: Client, **over: str) -> object:
    form = client.get(URL).context["form"]
    known = {"token": form["token"].value(), "name": form["name"].value(), "project": form.fields["project"].initial}
    return client.post(f"{URL}key/", known | over)


def refused(key: ApiKey, code: str, *, ago: timedelta = timedelta()) -> None:
    RefusedRequest.objects.create(
        organization=key.organization, api_key=key, request_id="req_1", model="nope", code=code,
        message="There is no such model.", at=timezone.now() - ago,
    )  # fmt: skip


# ---------------------------------------------------------------- ticks


def test_a_new_organization_has_its_address_and_credit(client: Client) -> None:
    assert steps(client) == {
        "confirm": True, "credit": True, "key": False, "call": False, "limit": False, "protect": False,
    }  # fmt: skip
    page = client.get(URL).content.decode()
    assert "2 of 6" in page
    assert "You have $1.00 of credit." in page
    assert '<details open id="step-key">' in page


def test_each_step_is_ticked_by_what_was_done(alice: House, client: Client) -> None:
    key, _ = alice.key()
    assert steps(client)["key"]
    record(request_of(key, timezone.now()))
    assert steps(client)["call"]
    limits.set_limit(alice.organization, Terms(measure="usd", amount=NANO, window="month"), alice.actor)
    assert steps(client)["limit"]
    Authenticator.objects.create(user=alice.owner, type=Authenticator.Type.TOTP, data={"secret": "x"})
    answer = client.get(URL)
    assert answer.context["checklist"].is_complete
    assert "You’re set up." in answer.content.decode()
    assert "data-live-page" not in answer.content.decode()


def test_the_playground_is_no_call(alice: House, client: Client) -> None:
    record(request_of(keys.playground_key(alice.project), timezone.now()))
    assert not steps(client)["call"]
    assert not steps(client)["key"]


def test_nothing_can_be_ticked_before_the_address_is_confirmed(alice: House, client: Client) -> None:
    alice.organization.confirmed_at = None
    alice.organization.save()
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, primary=True, verified=False)
    page = client.get(URL).content.decode()
    assert not any(steps(client).values())
    assert "Send the link again" in page
    assert "Keys wait until the e-mail address is confirmed." in page
    assert f"{URL}key/" not in page


def test_a_role_sees_its_own_steps(alice: House) -> None:
    seen = {role: list(steps(browser(alice.member(role.label, role)))) for role in Role if role != Role.OWNER}
    assert seen[Role.ADMIN] == ["confirm", "credit", "key", "call", "limit", "protect"]
    assert seen[Role.DEVELOPER] == ["confirm", "credit", "key", "call", "protect"]
    assert seen[Role.BILLING] == ["confirm", "credit", "limit", "protect"]
    assert seen[Role.VIEWER] == ["confirm", "protect"]


def test_who_makes_no_keys_cannot_make_one_here(alice: House) -> None:
    viewer = browser(alice.member("Vera", Role.VIEWER))
    answer = viewer.post(f"{URL}key/", {"name": "x", "project": alice.project.public_id, "token": "t"})
    assert answer.status_code == 403
    assert not ApiKey.objects.exists()


def test_bob_sees_his_projects_and_charlie_nothing(alice: House) -> None:
    bob = browser(alice.member("Bob", Role.DEVELOPER))
    charlie = browser(house("Charlie").owner)
    other = Project.objects.create(organization=alice.organization, name="Other")
    key = keys.create(other, "theirs", alice.actor).api_key
    record(request_of(key, timezone.now()))
    refused(key, "model_not_found")
    for somebody in (bob, charlie):
        assert not steps(somebody)["key"]
        assert not steps(somebody)["call"]
        assert "model_not_found" not in somebody.get(URL).content.decode()
    answer = create(bob, project=other.public_id)
    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert steps(browser(alice.owner))["call"]


# ---------------------------------------------------------------- the key


def test_the_secret_is_in_one_response_and_in_its_examples(alice: House, client: Client) -> None:
    answer = create(client)
    page = answer.content.decode()  # type: ignore[attr-defined]
    secret = answer.context["issued"].secret  # type: ignore[attr-defined]
    assert "no-store" in answer["cache-control"]  # type: ignore[index]
    assert page.count(secret) == 4
    assert f"Authorization: Bearer {secret}" in page.replace("&quot;", '"')
    key = ApiKey.objects.get()
    assert (key.name, key.owner, key.scopes) == ("my-first-key", alice.owner, ["chat"])
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)  # type: ignore[operator]
    again = client.get(URL).content.decode()
    assert secret not in again
    assert key.hint in again
    assert "$METERHOUSE_KEY" in again
    assert secret not in str(dict(client.session))


def test_a_reload_makes_no_second_key(client: Client) -> None:
    token = client.get(URL).context["form"]["token"].value()
    first = create(client, token=token)
    again = create(client, token=token)
    assert again["location"] == URL  # type: ignore[index]
    assert ApiKey.objects.count() == 1
    assert first.context["issued"].secret not in client.get(URL).content.decode()  # type: ignore[attr-defined]


def test_a_wrong_name_is_said_at_its_field_and_kept(alice: House, client: Client) -> None:
    alice.key("taken")
    answer = create(client, name="taken")
    page = answer.content.decode()  # type: ignore[attr-defined]
    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert "<title>Error: " in page
    assert 'value="taken"' in page
    assert '<details open id="step-key">' in page


# ---------------------------------------------------------------- the call


def test_the_first_call_is_shown_with_its_cost(alice: House, client: Client) -> None:
    key, _ = alice.key()
    assert "Waiting for your first request." in client.get(URL).content.decode()
    record(request_of(key, timezone.now(), tokens=(42, 0, 187), charge=217_000))
    page = client.get(URL).content.decode()
    assert "Got it: deepseek-chat, 42 tokens in, 187 out, $0.000217." in page


def test_a_call_that_failed_says_why_and_what_helps(alice: House, client: Client) -> None:
    key, _ = alice.key()
    refused(key, "insufficient_quota", ago=timedelta(hours=2))
    assert "insufficient_quota" not in client.get(URL).content.decode()
    refused(key, "model_not_found")
    page = client.get(URL).content.decode()
    assert "There is no such model." in page
    assert 'href="/docs/errors/model_not_found/"' in page
    record(request_of(key, timezone.now() + timedelta(seconds=1)))
    assert "There is no such model." not in client.get(URL).content.decode()


def test_examples_are_quoted_for_their_language() -> None:
    curl, python, node = snippets("https://llm.example.com/v1", 'it\'s "odd"')
    assert "$METERHOUSE_KEY" in curl.code
    assert "it\\u0027s" in curl.code
    assert 'model="it\'s \\"odd\\""' in python.code
    assert 'model: "it\'s \\"odd\\""' in node.code


# ---------------------------------------------------------------- the menu


def test_the_menu_leads_there_until_the_first_call(alice: House, client: Client) -> None:
    link = f'href="{URL}"'
    assert link in client.get("/models/").content.decode()
    key, _ = alice.key()
    record(request_of(key, timezone.now()))
    assert link not in client.get("/models/").content.decode()
    assert "Hide from the menu" not in client.get(URL).content.decode()
    assert link in client.get("/docs/").content.decode()


def test_it_can_be_taken_out_of_the_menu_and_put_back(client: Client) -> None:
    assert client.get(f"{URL}hide/").status_code == 405
    client.post(f"{URL}hide/")
    assert f'href="{URL}"' not in client.get("/models/").content.decode()
    assert "Show in the menu again" in client.get(URL).content.decode()
    client.post(f"{URL}unhide/")
    assert f'href="{URL}"' in client.get("/models/").content.decode()


def test_the_page_takes_a_fixed_number_of_queries(alice: House, django_assert_max_num_queries: object) -> None:
    client = browser(alice.owner)
    made = [alice.key(f"key {number}")[0] for number in range(5)]
    record(*(request_of(key, timezone.now()) for key in made))
    client.get(URL)
    with django_assert_max_num_queries(35):  # type: ignore[operator]
        client.get(URL)
