"""Nothing that the description allows or forbids surprises the API: schemathesis, every check, every operation.

Examples and the edges of every schema always; SCHEMATHESIS_EXAMPLES=50 also draws so many random requests an operation
and follows links from answers to requests, which takes longer than a run of all tests can wait for.
"""

import os
from dataclasses import dataclass

import pytest
import schemathesis

from accounts import keys, projects
from accounts.roles import Role
from billing import limits, webhooks
from billing.limits import Terms
from tests.api.schemathesis_run import PHASES, faults, schema_at, served
from tests.people import house

pytestmark = pytest.mark.database
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))


@dataclass
class World:
    """An organization with something of everything, and the key that calls."""

    secret: str
    key_id: str


@pytest.fixture
def world(own_database, settings):
    settings.ROOT_URLCONF = "tests.api.urls"
    settings.API_REQUESTS_PER_MINUTE = 10**7
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alice = house()
    calling, secret = alice.key("calls", scopes=("management",))
    key, _ = alice.key("web")
    keys.regenerate(key, alice.actor, grace=keys.GRACE_PERIODS["24h"])
    limits.set_limit(key, Terms("requests", 50, "month"), alice.actor)
    webhooks.create_endpoint(alice.organization, "https://example.com/hooks", alice.actor)
    alice.member("Bob", Role.DEVELOPER)
    projects.create(alice.organization, "Storefront", alice.actor)
    return World(secret, calling.public_id)


@pytest.mark.timeout(3600)
def test_every_operation_keeps_to_its_description(world):
    @schemathesis.hook
    def map_path_parameters(context, path_parameters):
        # The run would end itself.
        if path_parameters and path_parameters.get("key_id") == world.key_id:
            return {**path_parameters, "key_id": "key_nothing"}
        return path_parameters

    try:
        with served() as address:
            phases = PHASES if EXAMPLES else PHASES[:2]
            found = list(faults(schema_at(address, world.secret, examples=max(1, EXAMPLES), phases=phases)))
    finally:
        schemathesis.hooks.unregister_all()
    kinds = sorted({f"{one.where} | {one.kind}" for one in found})
    assert not found, "\n".join([f"{len(found)} faults", *kinds, *map(str, found[:10])])
