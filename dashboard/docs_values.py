"""What the documentation says of this house: its address and name, what it sells, whom to ask."""

import re
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.roles import Permission, Role, allows
from catalog import providers
from catalog.models import Plan
from catalog.prices import Listed, price_list
from dashboard.api_base import base_url
from dashboard.docs_links import docs_link, links, status_link
from dashboard.templatetags.console import usd
from foundation.money import usd_per_million_string
from gateway.options import GatewayOptions

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")
# A name that may stand in the code of an example: no quotes, no spaces.
_PLAIN_NAME = re.compile(r"[\w.:/@-]+")
# Permissions of what no page and no route does.
_WITHOUT_A_PAGE = {Permission.DELETE_ORGANIZATION}
_MIB = 1024 * 1024


def values(request: HttpRequest) -> dict[str, Any]:
    """The names that the Markdown files may use; texts are escaped for Markdown."""
    address = base_url(request)
    listed = price_list()
    return {
        "base_url": address,
        "origin": address.removesuffix("/v1"),
        "host": address.partition("://")[2].removesuffix("/v1"),
        "is_encrypted": address.startswith("https://"),
        "site_name": _text(settings.SITE_NAME),
        "models": [_model(one) for one in listed],
        "model": next((one.model.name for one in listed if _PLAIN_NAME.fullmatch(one.model.name)), "MODEL"),
        "plans": [_plan(plan) for plan in Plan.objects.all()],
        "roles": [{"name": _text(str(role.label))} for role in Role],
        "permissions": [_permission(one) for one in Permission if one not in _WITHOUT_A_PAGE],
        "body_limit": f"{GatewayOptions().body_limit // _MIB} MiB",
        "api_requests_per_minute": settings.API_REQUESTS_PER_MINUTE,
        "signup_open": settings.SIGNUP_OPEN,
        "is_demo": providers.demo_in_use(),
        "links": {link.name: link.url for link in links()},
        "docs_link": docs_link(),
        "status_link": status_link(member=request.user.is_authenticated),
        "changelog": _changelog(),
    }


@cache
def _changelog() -> str:
    """The versions of the list of changes, without its title and first paragraph."""
    return (settings.BASE_DIR / "CHANGELOG.md").read_text().split("\n\n", 2)[2]


def _text(words: str) -> str:
    """Somebody's words in Markdown: one line, no marks."""
    return _MARKS.sub(r"\\\1", " ".join(words.split()))


def _model(listed: Listed) -> dict[str, Any]:
    model, prices = listed.model, listed.prices
    return {
        "name": model.name.replace("`", "").replace("|", ""),
        "url": reverse("dashboard:model", args=[model.name]),
        # The day from which it is refused; empty while no end is announced.
        "ends": model.retired_at.date().isoformat() if model.retired_at else "",
        "successor": model.successor.name.replace("`", "") if model.successor else "",
        "description": _text(model.description),
        "context": f"{model.context_length:,}",
        "max_output": f"{model.max_output:,}",
        "input": f"${usd_per_million_string(prices.input)}" if prices else "—",
        "cached_input": f"${usd_per_million_string(prices.cached_input)}" if prices else "—",
        "output": f"${usd_per_million_string(prices.output)}" if prices else "—",
    }


def _permission(permission: Permission) -> dict[str, Any]:
    return {"name": _text(str(permission.label)), "allowed": [allows(role, permission) for role in Role]}


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "name": _text(plan.name),
        "description": _text(plan.description),
        "pace": "" if plan.by_agreement else f"{plan.requests_per_minute:,}",
        "credit": "" if plan.by_agreement else usd(plan.monthly_credit),
        "is_default": plan.is_default,
    }
