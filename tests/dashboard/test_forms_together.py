"""Every form that makes something, sent several times at once: it takes effect once, and no answer breaks."""

import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import ApiKey, ApiKeySecret, Invitation, Organization, Preset, Project, ProjectMembership
from accounts.roles import Role
from billing import codes, limits, webhooks
from billing.codes import Terms
from billing.limits import Terms as Rules
from billing.models import CreditGrant, GrantKind, ScheduledExport, SpendingLimit, WebhookEndpoint
from foundation.money import NANO
from tests.dashboard.console_rights import BUCKET, PRESET
from tests.dashboard.people_at_work import browser
from tests.people import House, house, person

pytestmark = pytest.mark.database
TIMES = 4
_TOKEN = re.compile(r'name="token" value="(\w+)"|value="(\w+)"[^>]*name="token"')

Send = Callable[..., Any]


@pytest.fixture
def alice(own_database: str) -> House:
    return house("Alice")


def together(client: Client, send: Callable[[Client], Any]) -> list[Any]:
    """The answers to one form that several windows of a browser send at once."""
    gate, answers = threading.Barrier(TIMES), []

    def run() -> None:
        window = Client()
        window.cookies = client.cookies
        try:
            gate.wait(30)
            answers.append(send(window))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(TIMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(answers) == TIMES, "a request failed"
    assert {answer.status_code for answer in answers} <= {200, 201, 302, 400, 422}
    return answers


def token(client: Client, path: str) -> str:
    found = _TOKEN.search(client.get(path).content.decode())
    assert found, path
    return found[1] or found[2]


def showing(answers: list[Any], mark: str) -> int:
    """How many of them show a secret."""
    return sum(bool(re.search(mark, answer.content.decode())) for answer in answers)


def test_one_key_is_created_and_one_answer_shows_it(alice: House) -> None:
    client = browser(alice.owner)
    form = {"name": "web", "project": alice.project.public_id, "owner": "me", "scopes": ["chat"], "expires_in": "90"}
    form["token"] = token(client, "/keys/create/")
    answers = together(client, lambda window: window.post("/keys/create/", form))
    key = ApiKey.objects.get()
    assert showing(answers, r"sk-\w{20}") == 1
    others = [answer for answer in answers if answer.status_code == 302]
    assert [answer["location"] for answer in others] == [f"/keys/{key.public_id}/"] * (TIMES - 1)


def test_one_first_key_is_created(alice: House) -> None:
    client = browser(alice.owner)
    form = {"name": "first", "project": alice.project.public_id, "token": token(client, "/getting-started/")}
    answers = together(client, lambda window: window.post("/getting-started/key/", form))
    assert ApiKey.objects.count() == 1
    assert showing(answers, r"sk-\w{20}") == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [302] * (TIMES - 1)


def test_a_key_is_regenerated_once(alice: House) -> None:
    client = browser(alice.owner)
    path = f"/keys/{alice.key()[0].public_id}/regenerate/"
    form = {"grace": "24h", "token": token(client, path)}
    answers = together(client, lambda window: window.post(path, form))
    assert ApiKeySecret.objects.count() == 2
    assert showing(answers, r"sk-\w{20}") == 1


def test_one_endpoint_is_added(alice: House) -> None:
    client = browser(alice.owner)
    form = {"url": "https://example.com/hooks", "token": token(client, "/limits/webhooks/add/")}
    answers = together(client, lambda window: window.post("/limits/webhooks/add/", form))
    assert WebhookEndpoint.objects.count() == 1
    assert showing(answers, "whsec_") == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [302] * (TIMES - 1)


def test_one_export_is_added(alice: House) -> None:
    client = browser(alice.owner)
    form = BUCKET | {"token": token(client, "/settings/exports/add/")}
    answers = together(client, lambda window: window.post("/settings/exports/add/", form))
    assert ScheduledExport.objects.count() == 1
    assert {answer.status_code for answer in answers} == {302}


def test_a_signing_secret_is_rotated_once_so_that_the_old_one_still_signs(alice: House) -> None:
    endpoint = webhooks.create_endpoint(alice.organization, "https://example.com/hooks", alice.actor).endpoint
    client = browser(alice.owner)
    path = f"/limits/webhooks/{endpoint.public_id}/"
    form = {"overlap": "24h", "token": token(client, path)}
    answers = together(client, lambda window: window.post(f"{path}rotate/", form))
    assert showing(answers, "whsec_") == 1
    assert WebhookEndpoint.objects.get().previous_sealed == endpoint.sealed


def test_one_limit_is_set(alice: House) -> None:
    form = {"subject": alice.project.public_id, "measure": "usd", "amount": "5", "window": "week", "action": "hard",
            "thresholds": "50"}  # fmt: skip
    together(browser(alice.owner), lambda window: window.post("/limits/add/", form))
    assert SpendingLimit.objects.count() == 1


def test_one_project_is_created(alice: House) -> None:
    together(browser(alice.owner), lambda window: window.post("/projects/create/", {"name": "Store"}))
    assert Project.objects.filter(name="Store").count() == 1


def test_one_invitation_is_sent_to_each(alice: House) -> None:
    form = {"emails": "eve@example.com, mei@example.com", "role": "viewer"}
    together(browser(alice.owner), lambda window: window.post("/members/invite/", form))
    assert sorted(Invitation.objects.values_list("email", flat=True)) == ["eve@example.com", "mei@example.com"]


def test_somebody_is_added_to_a_project_once(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    path = f"/projects/{alice.project.public_id}/members/add/"
    together(browser(alice.owner), lambda window: window.post(path, {"member": bob.public_id}))
    assert ProjectMembership.objects.count() == 1


def test_a_code_gives_its_credit_once(alice: House) -> None:
    text = codes.create(Terms(NANO, uses=TIMES)).text
    together(browser(alice.owner), lambda window: window.post("/billing/redeem/", {"code": text}))
    assert CreditGrant.objects.filter(kind=GrantKind.CODE).count() == 1


def test_one_preset_is_saved(alice: House) -> None:
    path = f"/playground/presets/?project={alice.project.public_id}"
    together(browser(alice.owner), lambda window: window.post(path, PRESET, content_type="application/json"))
    assert Preset.objects.count() == 1


def test_somebody_without_an_organization_opens_one(alice: House) -> None:
    client = browser(person("Dora"))
    together(client, lambda window: window.post("/welcome/", {"name": "Dora's"}))
    assert Organization.objects.filter(name="Dora's").count() == 1


@pytest.mark.parametrize("form", ["key", "project", "organization", "limit"])
def test_of_different_edits_one_holds_and_the_others_are_told(alice: House, form: str) -> None:
    limit = limits.set_limit(alice.organization, Rules("requests", 5, "day"), alice.actor)
    key, project = alice.key("web")[0].public_id, alice.project.public_id
    shown, path, field = {
        "key": (f"/keys/{key}/", f"/keys/{key}/rename/", "name"),
        "project": (f"/projects/{project}/", f"/projects/{project}/rename/", "name"),
        "organization": ("/settings/organization/", "/settings/organization/", "name"),
        "limit": (f"/limits/{limit.public_id}/change/", f"/limits/{limit.public_id}/change/", "amount"),
    }[form]
    client = browser(alice.owner)
    page = client.get(shown).context
    version = page["renaming" if form == "key" else "form"]["version"].value()
    usual = {"time_zone": "UTC", "action": "hard", "thresholds": "50, 80, 100", "version": version}
    different = itertools.count(10)
    answers = together(client, lambda window: window.post(path, usual | {field: str(next(different))}))
    assert sorted(answer.status_code for answer in answers) == [302] + [422] * (TIMES - 1)
