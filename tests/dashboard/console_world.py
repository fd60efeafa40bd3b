"""A house in which every URL of the console leads somewhere, the people in it, and how they use its pages."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import invitations, keys, presets, projects
from accounts.models import ApiKey, ApiKeySecret, Organization, Project, User
from accounts.presets import Content
from accounts.roles import Role
from billing import codes, dispatching, exports, limits, webhooks
from billing.codes import Terms as CodeTerms
from billing.exports import Target
from billing.limits import Terms
from billing.models import Delivery, DeliveryState, EventType, OutboxMessage
from foundation.money import NANO
from tests.dashboard.console_rights import QUERIES, ROLES, TABLE, Values
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house


@dataclass
class World:
    """Alice's furnished house, Charlie's empty one, and what addresses are made of."""

    alice: House
    charlie: House
    people: dict[str, User]
    values: Values

    def client(self, who: str, **options: Any) -> Client:
        """A browser of theirs, in which the password was typed just now."""
        client = browser(self.people.get(who), **options)
        if who in self.people:
            # As many tries as another test made are not this one's.
            cache.clear()
            checks, client.handler.enforce_csrf_checks = client.handler.enforce_csrf_checks, False
            client.post("/accounts/reauthenticate/", {"password": PASSWORD})
            client.handler.enforce_csrf_checks = checks
            # The month's credit is written when somebody first looks.
            client.get("/")
        return client

    def address(self, name: str) -> str:
        """The path of a row, of Alice's things."""
        words = {word: self.values[value] for word, value in TABLE[name].of.items()}
        return reverse(f"dashboard:{name}", kwargs=words)

    def get(self, client: Client, name: str) -> Any:
        return client.get(self.address(name), self._query(name))

    def post(self, client: Client, name: str, who: str) -> Any:
        """Send the form of the row as its page would."""
        person = self.people.get(who)
        body = TABLE[name].body(self.values | {"email": person.email if person else ""})
        if not name.startswith("playground"):
            return client.post(self.address(name), body)
        return client.post(
            self.address(name),
            json.dumps(body),
            content_type="application/json",
            query_params=self._query(name),
            headers={"x-playground-project": self.values["project"], "x-playground-turn": self.values["turn"]},
        )

    def _query(self, name: str) -> dict[str, str]:
        return QUERIES[name](self.values) if name in QUERIES else {}


def furnish() -> World:
    """One of everything for Alice; nothing for Charlie."""
    alice, charlie = house("Alice"), house("Charlie")
    # Somebody has to get the mails.
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, verified=True, primary=True)
    people: dict[str, User] = {"owner": alice.owner, "Charlie": charlie.owner}
    people |= {role: alice.member(role.capitalize(), Role(role)) for role in ROLES[1:]}
    values = {
        "theme": "dark",
        "language": "en",
        "model": "deepseek-chat",
        "error_code": "insufficient_quota",
        "docs_page": "errors",
    }
    values |= {"organization": alice.organization.public_id, "turn": "0" * 32}
    other = alice.member("Other", Role.VIEWER)
    # The last owner could not leave.
    alice.member("Second", Role.OWNER)
    values |= {"other": other.public_id, "developer": people["developer"].public_id}
    values |= {"idle_developer": alice.member("Idle", Role.DEVELOPER, works_here=False).public_id}
    values |= _keys(alice) | _projects(alice) | _money(alice) | _invitation(alice) | _webhook(alice)
    values |= _export(alice)
    values |= _presets(alice, people["developer"]) | _session(other)
    return World(alice, charlie, people, values)


def _keys(alice: House) -> Values:
    """A key of the project that was used, and one that is stopped; both could be copied."""
    Organization.objects.filter(pk=alice.organization.pk).update(keys_can_be_revealed=True)
    alice.project = Project.objects.get(pk=alice.project.pk)
    used, stopped = alice.key("production")[0], alice.key("stopped")[0]
    keys.regenerate(used, alice.actor, grace=timedelta(hours=24))
    keys.disable(stopped, alice.actor)
    event = request_of(used, timezone.now() - timedelta(hours=1))
    record(event)
    return {
        "key": used.public_id, "key_name": used.name, "secret_number": _current(used),
        "disabled_key": stopped.public_id, "request": event.request_id,
    }  # fmt: skip


def _current(key: ApiKey) -> int:
    return ApiKeySecret.objects.get(api_key=key, ends_at=None).pk


def _projects(alice: House) -> Values:
    old = Project.objects.create(organization=alice.organization, name="Old")
    projects.archive(old, alice.actor)
    return {"project": alice.project.public_id, "old_project": old.public_id, "old_project_name": old.name}


def _money(alice: House) -> Values:
    limit = limits.set_limit(alice.organization, Terms("usd", 50 * NANO, "month"), alice.actor)
    return {"limit": limit.public_id, "limit_version": limit.version, "code": codes.create(CodeTerms(NANO)).text}


def _invitation(alice: House) -> Values:
    """Sent an hour ago, so that it may be sent again."""
    invited = invitations.invite(alice.organization, "eve@example.com", Role.VIEWER, alice.actor)
    invited.invitation.sent_at = timezone.now() - timedelta(hours=1)
    invited.invitation.save()
    return {"invitation": invited.invitation.public_id, "invitation_secret": invited.secret}


def _webhook(alice: House) -> Values:
    """An endpoint that a message was sent to."""
    endpoint = webhooks.create_endpoint(alice.organization, "https://hooks.invalid/x", alice.actor).endpoint
    OutboxMessage.objects.create(
        organization=alice.organization, type=EventType.LIMIT_REACHED, payload={}, created_at=timezone.now()
    )
    dispatching.dispatch_messages()
    delivery = Delivery.objects.get(endpoint=endpoint)
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DELIVERED, ended_at=timezone.now())
    return {"endpoint": endpoint.public_id, "delivery": delivery.public_id}


def _export(alice: House) -> Values:
    """Into a bucket that nothing is written to."""
    target = Target("example-books", "eu-central-1", access_key_id="AKIAEXAMPLE", secret_access_key="secret")
    return {"export": exports.to_bucket(alice.organization, target, alice.actor).public_id}


def _presets(alice: House, maker: User) -> Values:
    """Two of the project's, by the developer: then whoever may use the playground at all may change them."""
    made = []
    for name in ("Ours", "Gone"):
        content = Content(name=name, description="", model="deepseek-chat")
        preset = presets.create(alice.organization, content, alice.actor, project=alice.project)
        preset.created_by = maker
        preset.save()
        made.append(preset)
    presets.delete(made[1], alice.actor)
    return {"preset": made[0].public_id, "deleted_preset": made[1].public_id}


def _session(user: User) -> Values:
    """Where somebody else is logged in."""
    client = browser(user)
    client.get("/settings/security/")
    session = UserSession.objects.filter(user=user).latest("pk")
    return {"session": session.pk}
