"""Where people find help: addresses from the settings; what is not set is not offered."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    label: Any
    url: str
    is_foreign: bool = True


def docs_link() -> str:
    """The operator's own documentation, else the one inside."""
    return settings.DOCS_URL or reverse("dashboard:docs")


def status_link(*, member: bool) -> str:
    """The operator's own status page, else the one inside, for strangers where it is public; empty otherwise."""
    if settings.STATUS_URL:
        return settings.STATUS_URL
    return reverse("dashboard:status") if member or settings.STATUS_PUBLIC else ""


def links() -> list[Link]:
    """Support, forum and chat, as far as the operator has set them."""
    found = (
        Link("support", _("Support"), settings.SUPPORT_URL),
        Link("forum", _("Forum"), settings.FORUM_URL),
        Link("chat", _("Chat"), settings.CHAT_URL),
    )
    return [link for link in found if link.url]
