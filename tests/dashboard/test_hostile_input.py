"""Addresses, filters and forms with what is somebody else's or nonsense: refused or kept as text, never a failure.

Alice owns here as well; the other's things are Charlie's, whose house is furnished like hers.
"""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts import invitations, keys
from accounts.models import ApiKey, Organization, Project, User
from accounts.roles import Role
from billing import limits, webhooks
from billing.limits import Terms
from billing.models import SpendingLimit
from foundation.money import NANO
from tests.dashboard.console_rights import TABLE
from tests.dashboard.console_world import World, furnish
from tests.dashboard.metered import record, request_of
from tests.people import House

pytestmark = pytest.mark.django_db
MARKUP = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
EMOJI = "👩\u200d🚀" * 20
TURNED = "invoice\u202egnp.exe"
NUL = "a\0b"
HOSTILE = (MARKUP, NUL, TURNED + EMOJI + "x" * 5000, "-1", "9" * 40, "1e999")
# What the pages read from the address.
FILTERS = {
    "overview": ("organization",),
    "usage": ("project", "key", "model", "from", "to", "period", "by", "metric", "hour", "shown"),
    "usage-export": ("project", "key", "model", "from", "by"),
    "requests": ("project", "key", "model", "hour", "status", "ended", "id", "before", "size"),
    "requests-export": ("project", "key", "before", "id"),
    "keys": ("q", "project", "status", "sort", "size", "after"),
    "limits": ("key", "model", "input_tokens", "max_tokens"),
    "limit-add": ("subject",),
    "billing": ("month",),
    "billing-export": ("month",),
    "models": ("q", "feature", "requests", "input", "output", "cached"),
    "model": ("requests", "input", "output", "cached"),
    "playground": ("project", "preset"),
    "playground-presets": ("project",),
    "docs-search": ("q",),
    "docs-search-json": ("q",),
}
# Fields that name a thing of the organization.
NAMING = {
    "key-create": ("project",), "getting-started-create": ("project",), "limit-add": ("subject",),
    "project-member-add": ("member",), "member-transfer": ("member",), "member-invite": ("projects",),
}  # fmt: skip


@pytest.fixture
def world() -> World:
    return furnish()


@pytest.fixture
def theirs(world: World) -> dict[str, str]:
    """Charlie's things by the name of the parameter that would name Alice's."""
    charlie = world.charlie
    key = charlie.key("charlies-key")[0]
    event = request_of(key, key.created_at, model="charlies-model")
    record(event)
    limit = limits.set_limit(charlie.organization, Terms("usd", NANO, "month"), charlie.actor)
    endpoint = webhooks.create_endpoint(charlie.organization, "https://charlie.example/x", charlie.actor).endpoint
    invited = invitations.invite(charlie.organization, "dora@example.com", Role.VIEWER, charlie.actor).invitation
    return {
        "key": key.public_id, "project": charlie.project.public_id, "limit": limit.public_id,
        "endpoint": endpoint.public_id, "invitation": invited.public_id, "user": charlie.owner.public_id,
        "request_id": event.request_id, "organization": charlie.organization.public_id,
        "member": charlie.owner.public_id, "subject": charlie.project.public_id,
        "projects": charlie.project.public_id, "delivery": "dlv_none", "public_id": "pre_none", "preset": "pre_none",
        "model": "charlies-model", "id": event.request_id, "after": key.public_id,
    }  # fmt: skip


def unharmed(house: House) -> list[Any]:
    """What Charlie has."""
    mine = {"organization": house.organization}
    return [
        list(Organization.objects.filter(pk=house.organization.pk).values()),
        list(ApiKey.objects.filter(**mine).values()),
        list(Project.objects.filter(**mine).values()),
        list(SpendingLimit.objects.filter(**mine).values()),
        list(house.organization.webhook_endpoints.values()),
        list(house.organization.invitations.values()),
        list(house.organization.memberships.values()),
        list(User.objects.filter(pk=house.owner.pk).values("name", "email", "is_active")),
    ]


def send(world: World, client: Client, name: str, path: str) -> Any:
    row = TABLE[name]
    return client.get(path) if "POST" not in row.methods else client.post(path, row.body(world.values | {"email": ""}))


def test_an_address_of_somebody_elses_thing_leads_nowhere(world: World, theirs: dict[str, str]) -> None:
    client, before = world.client("owner"), unharmed(world.charlie)
    for name, row in TABLE.items():
        for word in row.of.keys() & theirs.keys():
            own = {other: world.values[value] for other, value in row.of.items()}
            path = reverse(f"dashboard:{name}", kwargs=own | {word: theirs[word]})
            for answer in (send(world, client, name, path), client.get(path)):
                assert answer.status_code in (404, 405), f"{path}: {answer.status_code}"
                assert "charlies" not in answer.content.decode()
    assert unharmed(world.charlie) == before


def test_an_address_that_is_no_address_leads_nowhere(world: World) -> None:
    client = world.client("owner")
    for name, row in TABLE.items():
        for word in row.of:
            own = {other: world.values[value] for other, value in row.of.items()}
            for text in (NUL, MARKUP, EMOJI + TURNED + "x" * 300, "0", "-1"):
                try:
                    path = reverse(f"dashboard:{name}", kwargs=own | {word: text})
                except NoReverseMatch:
                    continue
                point = transaction.savepoint()
                answer = send(world, client, name, path)
                transaction.savepoint_rollback(point)
                assert answer.status_code < 500, path
                assert "<img src=x" not in answer.content.decode(), path


def test_a_filter_never_reaches_what_is_somebody_elses(world: World, theirs: dict[str, str]) -> None:
    client = world.client("owner")
    for name, words in FILTERS.items():
        for word in words:
            if word in theirs:
                answer = client.get(f"{world.address(name)}?{word}={quote(theirs[word])}")
                assert answer.status_code in (200, 302, 404, 422), f"{name}?{word}"
                shown = text_of(answer).replace(theirs[word], "")
                assert "charlie" not in shown.lower(), f"{name}?{word}"


def test_a_filter_may_be_anything(world: World) -> None:
    client = world.client("owner")
    for name, words in FILTERS.items():
        for word in words:
            for text in HOSTILE:
                answer = client.get(world.address(name), {word: text})
                assert answer.status_code < 500, f"{name}?{word}={text[:50]}"
                assert "<img src=x" not in text_of(answer), f"{name}?{word}"


def text_of(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return bytes(body).decode()


def test_a_form_never_takes_what_is_somebody_elses(world: World, theirs: dict[str, str]) -> None:
    client, before = world.client("owner"), unharmed(world.charlie)
    for name, words in NAMING.items():
        body = TABLE[name].body(world.values | {"email": ""})
        for word in words:
            answer = client.post(world.address(name), body | {word: theirs[word]})
            assert answer.status_code in (200, 404, 422), f"{name} {word}: {answer.status_code}"
            assert "sk-" not in re.sub(r"sk-…", "", answer.content.decode()), name
    assert unharmed(world.charlie) == before
    assert not keys.ApiKey.objects.filter(organization=world.charlie.organization, name="made").exists()


def test_a_form_may_hold_anything(world: World) -> None:
    client = world.client("owner")
    for name, row in TABLE.items():
        if "POST" not in row.methods or name.startswith("playground"):
            continue
        body = row.body(world.values | {"email": ""})
        for word in body:
            for text in (MARKUP, NUL, TURNED + EMOJI + "x" * 5000):
                point = transaction.savepoint()
                answer = client.post(world.address(name), body | {word: text}, follow=True)
                transaction.savepoint_rollback(point)
                assert answer.status_code < 500, f"{name} {word}={text[:40]!r}"
                assert "<img src=x" not in text_of(answer), f"{name} {word}"
                assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\d+)", text_of(answer))


@pytest.mark.parametrize("text", [MARKUP, EMOJI[:60], "مشروع التجربة"], ids=["markup", "emoji", "right to left"])
def test_a_name_is_text_on_every_page(world: World, text: str) -> None:
    alice = world.alice
    Organization.objects.filter(pk=alice.organization.pk).update(name=text)
    Project.objects.filter(organization=alice.organization).exclude(name="Old").update(name=text)
    ApiKey.objects.filter(public_id=world.values["key"]).update(name=text)
    User.objects.filter(memberships__organization=alice.organization).update(name=text)
    alice.organization.webhook_endpoints.update(description=text)
    client = world.client("owner")
    seen = 0
    for name, row in TABLE.items():
        if "GET" in row.methods and not name.startswith(("docs", "playground-")):
            answer = world.get(client, name)
            if not answer["content-type"].startswith("text/html"):
                continue
            shown = text_of(answer)
            assert "<img src=x" not in shown and "}}49" not in shown, name
            seen += text.replace(">", "&gt;").replace('"', "&quot;").replace("<", "&lt;") in shown
    assert seen > 20


@pytest.mark.parametrize("name", [TURNED, "a\u200fb", "\u200b", NUL, " \n ", "x" * 151])
def test_a_name_that_hides_something_is_refused_everywhere(world: World, name: str) -> None:
    client = world.client("owner")
    forms = {
        "projects/create": {"name": name},
        f"projects/{world.values['project']}/rename": {"name": name},
        f"keys/{world.values['key']}/rename": {"name": name},
        "settings/organization": {"name": name, "time_zone": "UTC"},
        "keys/create": TABLE["key-create"].body(world.values) | {"name": name},
    }
    if name.strip():
        forms["settings"] = {"name": name, "time_zone": "UTC"}
    before = unharmed(world.alice)
    for path, form in forms.items():
        assert client.post(f"/{path}/", form, follow=True).status_code in (200, 422), path
    assert unharmed(world.alice) == before
