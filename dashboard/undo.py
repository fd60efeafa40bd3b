"""What can be taken back says so: a message with a button that undoes what was done."""

from django.contrib import messages
from django.http import HttpRequest

_MARK = "undo:"


def offer(request: HttpRequest, said: str, url: str) -> None:
    """Say what was done; the button sends a POST to `url`, an address of this console."""
    messages.success(request, said, extra_tags=_MARK + url)


def url_of(tags: str) -> str:
    """The address that undoes what a message with these tags tells; empty for other messages."""
    return tags.removeprefix(_MARK) if tags.startswith(_MARK) else ""
