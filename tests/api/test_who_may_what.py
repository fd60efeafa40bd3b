"""Every operation, for every kind of caller, on one's own and on another organization's things."""

import pytest
from django.db import transaction

from accounts.models import ApiKey
from accounts.roles import Role
from tests.api.client import Door, fault
from tests.api.export_rights import MAY as EXPORTS
from tests.api.money_rights import MAY as MONEY
from tests.api.organization_rights import MAY as PEOPLE
from tests.api.test_description import check, described, operations

pytestmark = pytest.mark.django_db

OWN = ("owner", "admin", "developer", "billing", "viewer", "management key", "usage key", "chat key", "ingest key")
STRANGERS = ("Charlie", "Charlie's key")
_MANAGE = {"owner", "admin", "developer", "management key"}
_SEE = _MANAGE | {"viewer"}
# Who of Alice's organization may; everybody else there gets 403.
MAY = {
    "me": set(OWN) - {"chat key", "ingest key"},
    "keys_list": _SEE,
    "keys_get": _SEE,
    "keys_create": _MANAGE,
    "keys_change": _MANAGE,
    "keys_regenerate": _MANAGE,
    "keys_secrets": _MANAGE,
    "keys_stop_old_secret": _MANAGE,
    "keys_explain": _MANAGE,
    "keys_revoke": _MANAGE,
    "keys_disable": _MANAGE,
    "keys_enable": _MANAGE,
    "events_report": {"owner", "admin", "management key", "ingest key"},
}
BODIES = {
    "keys_create": {"name": "made"},
    "keys_change": {"name": "changed"},
    "keys_explain": {"model": "deepseek-chat"},
    "events_report": [],
}


@pytest.fixture
def target(alice):
    """A key of Alice's project that nobody calls with."""
    return alice.key("target")[0]


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


def test_every_operation_is_here():
    assert set(operations(described())) == set(MAY) | set(MONEY) | set(PEOPLE) | set(EXPORTS)


@pytest.mark.parametrize("who", [*OWN, *STRANGERS, "nobody"])
def test_who_may_what(door, target, who):
    caller = door(who)
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] not in MAY:
                continue
            undo = transaction.savepoint()
            one_operation(caller, target, who, method.upper(), path.removeprefix("/api/"), operation)
            transaction.savepoint_rollback(undo)


def one_operation(caller, target, who, method, path, operation):
    """Call it on Alice's key and judge the answer, by the table above and by the description."""
    name = operation["operationId"]
    before = ApiKey.objects.filter(pk=target.pk).values().get()
    answer = caller.send(method, path.format(key_id=target.public_id), BODIES.get(name))
    told = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    check(answer.json(), told, described())
    if who == "nobody":
        assert fault(answer)[0] == 401, name
    elif who in STRANGERS and "{" in path:
        assert fault(answer)[:2] == (404, "not_found"), name
    elif who in STRANGERS or who in MAY[name]:
        assert answer.status_code == (201 if name == "keys_create" else 200), name
    else:
        assert fault(answer)[:2] == (403, "insufficient_permissions"), name
    if who in STRANGERS:
        assert target.public_id not in answer.content.decode() and "Alice" not in answer.content.decode()
    if who not in MAY[name]:
        assert ApiKey.objects.filter(pk=target.pk).values().get() == before
