"""Every operation on usage and money, for every kind of caller, on one's own and on another organization's things."""

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.actor import SYSTEM
from accounts.roles import Role
from billing import codes, dispatching, limits, webhooks
from billing.limits import Terms
from billing.models import Delivery, OutboxMessage, SpendingLimit, WebhookEndpoint
from foundation.money import NANO
from tests.api.client import Door, fault
from tests.api.money_rights import MAY, OWN, PEOPLE
from tests.api.test_description import check, described
from tests.dashboard.metered import record, request_of

pytestmark = pytest.mark.django_db
STRANGERS = ("Charlie", "Charlie's key")
CREATED = {"limits_create", "webhooks_create", "webhooks_test", "codes_redeem"}
# What is everybody's: the same for a stranger.
PUBLIC = {"/api/v1/models/{name}"}


@dataclass
class Things:
    """What Alice has."""

    limit: SpendingLimit
    endpoint: WebhookEndpoint
    delivery: Delivery
    request_id: str
    code: str

    def path(self, template):
        ids = {
            "limit_id": self.limit.public_id,
            "webhook_id": self.endpoint.public_id,
            "delivery_id": self.delivery.public_id,
            "request_id": self.request_id,
            "name": "deepseek-chat",
        }
        return template.removeprefix("/api/").format(**ids)

    @property
    def bodies(self):
        return {
            "limits_create": {"amount": "5", "window": "week"},
            "limits_change": {"amount": "65"},
            "webhooks_create": {"url": "https://example.com/hooks"},
            "webhooks_change": {"description": "changed"},
            "webhooks_rotate": {},
            "codes_redeem": {"code": self.code},
        }

    def state(self):
        return [
            SpendingLimit.objects.filter(pk=self.limit.pk).values().get(),
            WebhookEndpoint.objects.filter(pk=self.endpoint.pk).values().get(),
            Delivery.objects.filter(pk=self.delivery.pk).values().get(),
            SpendingLimit.objects.count(),
            WebhookEndpoint.objects.count(),
        ]


@pytest.fixture
def things(alice):
    key, _ = alice.key("target")
    limit = limits.set_limit(key, Terms("requests", 50, "month"), alice.actor)
    endpoint = webhooks.create_endpoint(alice.organization, "https://example.com/hooks", alice.actor).endpoint
    OutboxMessage.objects.create(
        organization=alice.organization, type="limit.reached", payload={"object": "alert"}, created_at=timezone.now()
    )
    dispatching.dispatch_messages()
    event = request_of(key, timezone.now() - timedelta(minutes=5), charge=6 * 270 + 4 * 70 + 5 * 1100)
    record(event)
    code = codes.create(codes.Terms(NANO, uses=100), SYSTEM).text
    return Things(limit, endpoint, Delivery.objects.get(endpoint=endpoint), event.request_id, code)


@pytest.fixture
def door(alice, charlie):
    def open_for(who):
        if who == "nobody":
            return Door()
        if who.endswith("key"):
            place = charlie if who.startswith("Charlie") else alice
            scope = who.split()[0] if place is alice else "management"
            return Door(place.key(f"of {who}", scopes=(scope,))[1])
        if who == "Charlie":
            return Door(user=charlie.owner)
        return Door(user=alice.owner if who == "owner" else alice.member("Bob", Role(who)))

    return open_for


@pytest.mark.parametrize("who", [*OWN, *STRANGERS, "nobody"])
def test_who_may_what(door, things, who):
    caller = door(who)
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] not in MAY:
                continue
            undo = transaction.savepoint()
            one_operation(caller, things, who, method.upper(), path, operation)
            transaction.savepoint_rollback(undo)


def one_operation(caller, things, who, method, path, operation):
    """Call it on Alice's things and judge the answer, by the table and by the description."""
    name = operation["operationId"]
    before = things.state()
    query = "?model=deepseek-chat" if name == "prices_list" else ""
    answer = caller.send(method, things.path(path) + query, things.bodies.get(name))
    content = operation["responses"][str(answer.status_code)]["content"]
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if answer["Content-Type"].partition(";")[0] == "application/json":
        check(json.loads(body), content["application/json"]["schema"], described())
    else:
        assert answer["Content-Type"].partition(";")[0] in content
    if who == "nobody":
        assert fault(answer)[0] == 401, name
    elif who in STRANGERS and "{" in path and path not in PUBLIC:
        assert fault(answer)[:2] == (404, "not_found"), name
    elif who in STRANGERS or who in MAY[name]:
        assert answer.status_code == (201 if name in CREATED else 200), (name, body)
    else:
        assert fault(answer)[:2] == (403, "insufficient_permissions"), name
    if who in STRANGERS:
        for mine in (things.limit.public_id, things.endpoint.public_id, things.request_id, "Alice"):
            assert mine not in body.decode().replace(path, ""), name
    if who not in MAY[name]:
        theirs = things.state()
        if who in STRANGERS:
            assert theirs[:3] == before[:3], name
        else:
            assert theirs == before, name


@pytest.mark.parametrize("who", [one for one in PEOPLE if one != "viewer"])
def test_who_sees_money_sees_it_everywhere(alice, door, things, who):
    limits.set_limit(alice.organization, Terms("usd", 5 * NANO, "month"), alice.actor)
    caller = door(who)
    assert caller.get(f"v1/requests/{things.request_id}").json()["cost"] is not None
    assert caller.get("v1/usage").json()["totals"]["cost"] is not None
    assert [one["measure"] for one in caller.get("v1/limits").json()["data"]] == ["usd", "requests"]


def test_a_viewer_sees_no_money(alice, door, things):
    limits.set_limit(alice.organization, Terms("usd", 5 * NANO, "month"), alice.actor)
    caller = door("viewer")
    assert caller.get(f"v1/requests/{things.request_id}").json()["cost"] is None
    assert caller.get("v1/usage").json()["totals"]["cost"] is None
    assert [one["measure"] for one in caller.get("v1/limits").json()["data"]] == ["requests"]
    lines = b"".join(caller.get("v1/exports/requests").streaming_content)
    assert b"cost" not in lines and things.request_id.encode() in lines


def test_a_developer_sees_the_own_projects_alone(alice, things, door):
    caller = Door(user=alice.member("Dora", Role.DEVELOPER, works_here=False))
    assert caller.get("v1/requests").json()["data"] == []
    assert fault(caller.get(f"v1/requests/{things.request_id}"))[0] == 404
    assert caller.get("v1/limits").json()["data"] == []
    assert b"".join(caller.get("v1/exports/requests").streaming_content) == b""
    assert caller.get("v1/costs").json()["total"] == "0.00"
    assert caller.get("v1/usage?by=member").json()["groups"] == []
