"""Which secret was used, and from where, is known after a call, metered or not."""

import asyncio

import pytest

from accounts.models import ApiKeySecret
from accounts.principal import ACTIVE, Principal
from gateway.bridge import Bridge
from gateway.secret_uses import SecretUses
from tests.billing.desk import ask, serve_all_models
from tests.people import house

pytestmark = pytest.mark.database


def _noted() -> tuple[str, bool]:
    secret = ApiKeySecret.objects.get()
    return secret.last_address, secret.last_used_at is not None


@pytest.fixture
def request_of_alice(own_database):
    alice = house()
    serve_all_models()
    return ask(*alice.key())


async def test_the_address_of_an_admitted_request_is_written_down(request_of_alice, tmp_path, settings):
    settings.DATA_DIR = tmp_path
    bridge = Bridge()
    bridge.start()
    await bridge.admit(request_of_alice)
    await asyncio.to_thread(bridge.stop)
    assert await asyncio.to_thread(_noted) == (request_of_alice.address, True)


def test_a_secret_is_told_once_a_minute():
    uses = SecretUses()
    caller = _principal(7)
    uses.note(caller, "203.0.113.7")
    assert uses.due(1000.0) == {7: "203.0.113.7"}
    uses.note(caller, "203.0.113.8")
    assert uses.due(1030.0) == {}
    uses.note(caller, "203.0.113.9")
    assert uses.due(1061.0) == {7: "203.0.113.9"}


def test_the_playground_has_no_secret():
    uses = SecretUses()
    uses.note(_principal(None), "203.0.113.7")
    assert uses.due(1000.0) == {}


def _principal(secret_id):
    return Principal(
        key_id=1, key_name="", organization_id=1, organization_name="", project_id=1, user_id=None, state=ACTIVE,
        suspended=False, scopes=frozenset(), models=None, networks=(), organization_rpm=0, key_rpm=None,
        secret_id=secret_id,
    )  # fmt: skip
