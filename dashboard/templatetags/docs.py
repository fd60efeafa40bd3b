"""Where pages lead for help: support, forum and chat of the settings, and what an error code means."""

from typing import Any

from django import template
from django.urls import reverse

from dashboard import docs_links
from dashboard.docs_links import Link

register = template.Library()


@register.simple_tag
def house_links() -> list[Link]:
    """Support, forum and chat, as far as they are set."""
    return docs_links.links()


@register.simple_tag
def docs_url() -> str:
    """The documentation: the operator's own, or the one inside."""
    return docs_links.docs_link()


@register.simple_tag(takes_context=True)
def status_url(context: dict[str, Any]) -> str:
    """The status page, as far as this reader may see it; empty where there is none."""
    return docs_links.status_link(member=bool(getattr(context.get("user"), "is_authenticated", False)))


@register.filter
def error_help(code: str) -> str:
    """The address of an error code's cause and fix."""
    return reverse("dashboard:docs-error", args=[code])
