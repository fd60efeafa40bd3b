"""Opens organizations with projects, keys, credit and limits, and prints the keys: `python -m benchmarks.scene`.

Runs beside a server, with its environment. Standard input is a JSON list of organizations:

    {"name": "Acme", "credit": "12.50", "limits": [LIMIT...],
     "projects": [{"limits": [LIMIT...], "keys": [{"name": "first", "limits": [LIMIT...]}]}]}

with LIMIT = [measure, amount, window]: usd in nano-USD, tokens or requests. Standard output is a JSON list of
{"name", "secret", "key", "project", "organization"}, ids being public ones.
"""

import json
import os
import sys
from typing import Any

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not apps.ready:
    # The registry of apps must be ready before the imports below.
    django.setup()

from django.db import transaction
from django.utils import timezone

from accounts import keys
from accounts.actor import SYSTEM
from accounts.models import Project, User
from billing import grants, limits, opening
from billing.limits import Subject, Terms
from billing.models import Subscription
from catalog.models import Plan
from foundation.money import from_usd

# Rate limits are not what is measured here.
_RPM = 10_000_000
_OWNER = "scene@meterhouse.localhost"


def open_all(plan: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Everything that the plan names, in one transaction; the keys."""
    with transaction.atomic():
        owner = User.objects.filter(email=_OWNER).first() or User.objects.create_user(_OWNER, None, name="Scene")
        return [key for organization in plan for key in _organization(owner, organization)]


def _organization(owner: User, plan: dict[str, Any]) -> list[dict[str, str]]:
    organization = opening.open_organization(owner, plan["name"], plan=Plan.objects.get(code="enterprise"))
    organization.confirmed_at = timezone.now()
    organization.save(update_fields=["confirmed_at"])
    Subscription.objects.filter(organization=organization).update(requests_per_minute=_RPM)
    grants.give(organization, from_usd(plan["credit"]))
    _limit(organization, plan)
    found = []
    for number, wanted in enumerate(plan["projects"]):
        project = Project.objects.create(organization=organization, name=f"Project {number}")
        _limit(project, wanted)
        found += [_key(project, key) for key in wanted["keys"]]
    return found


def _key(project: Project, plan: dict[str, Any]) -> dict[str, str]:
    issued = keys.create(project, plan["name"], SYSTEM)
    _limit(issued.api_key, plan)
    return {
        "name": plan["name"],
        "secret": issued.secret,
        "key": issued.api_key.public_id,
        "project": project.public_id,
        "organization": project.organization.public_id,
    }


def _limit(subject: Subject, plan: dict[str, Any]) -> None:
    for measure, amount, window in plan.get("limits", ()):
        limits.set_limit(subject, Terms(measure, amount, window))


if __name__ == "__main__":
    json.dump(open_all(json.load(sys.stdin)), sys.stdout)
