"""Every POST that the description names: with an Idempotency-Key it takes effect once, whatever it does."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts import invitations, keys, projects
from accounts.actor import SYSTEM
from accounts.models import IdempotentRequest, Invitation
from accounts.roles import Role
from billing import codes, dispatching, exports, webhooks
from billing.models import Delivery, OutboxMessage
from foundation.money import NANO
from tests.api.client import Door, fault
from tests.api.test_description import described
from tests.billing.reporter import price_the_past, usage
from tests.people import house, person

pytestmark = [pytest.mark.django_db, pytest.mark.database]
BUCKET = {"bucket": "example-books", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret-of-the-bucket"}
# Nothing is written by asking.
WITHOUT_EFFECT = {"keys_explain"}
# When something was used last is no effect of the operation.
_USE = ("last_used_at", "last_address", "last_login", "expire_date", "session_data")


class World:
    """Something of everything that a POST is about, and for each a body and another one."""

    def __init__(self) -> None:
        alice = self.alice = house()
        key, organization, actor = alice.key("web")[0], alice.organization, alice.actor
        keys.regenerate(key, actor, grace=keys.GRACE_PERIODS["24h"])
        stopped = alice.key("stopped")[0]
        keys.disable(stopped, actor)
        live, archived = (projects.create(organization, name, actor) for name in ("Live", "Archived"))
        projects.archive(archived, actor)
        invited = invitations.invite(organization, "tom@example.com", "viewer", actor).invitation
        Invitation.objects.update(sent_at=timezone.now() - timedelta(hours=1))
        endpoint = webhooks.create_endpoint(organization, "https://example.com/hooks", actor).endpoint
        now = timezone.now()
        OutboxMessage.objects.create(organization=organization, type="limit.reached", payload={}, created_at=now)
        dispatching.dispatch_messages()
        Delivery.objects.update(state="failed", ended_at=now)
        export = exports.to_bucket(organization, exports.Target(**BUCKET), actor)
        price_the_past()
        self.ids = {
            "key_id": key.public_id,
            "project_id": live.public_id,
            "invitation_id": invited.public_id,
            "webhook_id": endpoint.public_id,
            "delivery_id": Delivery.objects.get().public_id,
            "export_id": export.public_id,
        }
        self.other_ids = {
            "keys_enable": {"key_id": stopped.public_id},
            "projects_restore": {"project_id": archived.public_id},
        }
        bob, dora = alice.member("Bob", Role.DEVELOPER, works_here=False), person("Dora")
        organization.memberships.create(user=dora, role=Role.DEVELOPER)
        code, other_code = (codes.create(codes.Terms(NANO), SYSTEM).text for _ in range(2))
        # Yesterday may have ended a moment ago, which is too new for its files.
        over, before = ((now - timedelta(days=back)).date().isoformat() for back in (2, 3))
        self.bodies: dict[str, tuple[Any, Any]] = {
            "events_report": (usage(id="a"), usage(id="b")),
            "invitations_create": (
                {"email": "new@example.com", "role": "viewer"},
                {"email": "x@y.org", "role": "viewer"},
            ),
            "invitations_resend": (None, None),
            "keys_create": ({"name": "made"}, {"name": "other"}),
            "keys_disable": (None, None),
            "keys_enable": (None, None),
            "keys_explain": ({"model": "deepseek-chat"}, {"model": "deepseek-coder"}),
            "keys_regenerate": ({"grace": "1h"}, {"grace": "24h"}),
            "keys_revoke": (None, None),
            "keys_stop_old_secret": (None, None),
            "limits_create": ({"amount": "5", "window": "week"}, {"amount": "6", "window": "week"}),
            "projects_create": ({"name": "made"}, {"name": "other"}),
            "projects_archive": (None, None),
            "projects_restore": (None, None),
            "project_members_add": ({"user_id": bob.public_id}, {"user_id": dora.public_id}),
            "codes_redeem": ({"code": code}, {"code": other_code}),
            "scheduled_exports_create": (BUCKET, {**BUCKET, "bucket": "other-books"}),
            "scheduled_exports_run": ({"day": over}, {"day": before}),
            "webhooks_create": ({"url": "https://example.com/a"}, {"url": "https://example.com/b"}),
            "webhooks_rotate": ({}, {"overlap": "1h"}),
            "webhooks_test": (None, None),
            "deliveries_replay": (None, None),
        }

    def path(self, name: str, template: str) -> str:
        return template.removeprefix("/api/").format(**{**self.ids, **self.other_ids.get(name, {})})


def state() -> list[Any]:
    """All that is stored, and the mail that was sent; not the catalog, nor what the header itself keeps."""
    found: list[Any] = [len(mail.outbox)]
    for model in apps.get_models():
        if model is not IdempotentRequest and model._meta.app_label in ("accounts", "usage", "billing"):
            rows = model._default_manager.order_by("pk").values()
            found.append([{name: value for name, value in row.items() if name not in _USE} for row in rows])
    return found


@pytest.mark.parametrize("who", ["management key", "owner"])
def test_it_takes_effect_once_and_answers_the_same(db, who):
    world = World()
    manager = Door(world.alice.key("manager", scopes=("management",))[1])
    caller = Door(user=world.alice.owner) if who == "owner" else manager
    posts = {item["post"]["operationId"]: path for path, item in described()["paths"].items() if "post" in item}
    assert set(posts) == set(world.bodies)
    caller.get("v1/me")
    for name, template in posts.items():
        path = world.path(name, template)
        body, other = world.bodies[name]
        undo = transaction.savepoint()
        before = state()
        first = caller.post(path, body, idempotency_key=name)
        assert first.status_code in (200, 201), (name, first.content)
        after = state()
        assert (before == after) == (name in WITHOUT_EFFECT), name
        again = caller.post(path, body, idempotency_key=name)
        assert (again.status_code, again.content) == (first.status_code, first.content), name
        assert again["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first, name
        # Where there is no other body: another request.
        path, other = (path, other) if other else ("v1/projects", {"name": "elsewhere"})
        refused = caller.post(path, other, idempotency_key=name)
        assert fault(refused)[:2] == (409, "idempotency_key_reused"), (name, refused.content)
        assert state() == after, name
        transaction.savepoint_rollback(undo)
