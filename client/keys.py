"""keys: list, create, regenerate, revoke, disable, enable."""

import re
import sys
from argparse import Namespace
from typing import Any

from client import pages, table
from client.calls import Api
from client.faults import Exit, Failed
from client.figures import ago
from client.screen import Screen
from client.table import Column
from client.text import clean

_ID = re.compile(r"key_[0-9A-Za-z]{1,36}")
_COLUMNS = (
    Column("ID"), Column("NAME", elastic=True), Column("STATUS"), Column("MAY", elastic=True), Column("LAST USED"),
)  # fmt: skip


def listing(asked: Namespace, screen: Screen, api: Api) -> None:
    query = [("status", one) for one in asked.status or ()]
    if asked.project:
        query.append(("project", asked.project))
    if screen.as_json:
        screen.json(pages.whole(api, screen, "/keys", query))
        return
    rows = [
        (key["id"], key["name"], key["status"], ", ".join(key["scopes"]), ago(key["last_used_at"]))
        for key in pages.entries(api, screen, "/keys", query)
    ]
    table.show(screen, _COLUMNS, rows, "There are no such keys.")


def create(asked: Namespace, screen: Screen, api: Api) -> None:
    body: dict[str, Any] = {"name": asked.name, "scopes": asked.scope or ["chat"]}
    for name, value in (
        ("project_id", asked.project),
        ("allowed_models", asked.model),
        ("allowed_networks", asked.network),
        ("requests_per_minute", asked.rpm),
        ("expires_at", asked.expires),
    ):
        if value is not None:
            body[name] = value
    _secret(screen, api.post("/keys", body), "created")


def regenerate(asked: Namespace, screen: Screen, api: Api) -> None:
    key_id = find(api, screen, asked.key)
    key = api.post(f"/keys/{key_id}/regenerate", {"grace": asked.grace})
    ends = key["previous_secret_ends_at"]
    _secret(screen, key, f"regenerated; the old secret works until {ends}" if ends else "regenerated")


def revoke(asked: Namespace, screen: Screen, api: Api) -> None:
    key_id = find(api, screen, asked.key)
    if not asked.yes and sys.stdin.isatty():
        sys.stderr.write(f"Revoke {clean(asked.key)} for good? Type yes: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            raise Failed(Exit.USAGE, "Nothing was revoked.")
    _switched(screen, api.post(f"/keys/{key_id}/revoke"))


def disable(asked: Namespace, screen: Screen, api: Api) -> None:
    _switched(screen, api.post(f"/keys/{find(api, screen, asked.key)}/disable"))


def enable(asked: Namespace, screen: Screen, api: Api) -> None:
    _switched(screen, api.post(f"/keys/{find(api, screen, asked.key)}/enable"))


def find(api: Api, screen: Screen, text: str) -> str:
    """The id of the key with that id, or that name if one alone has it among those that live; raises Failed."""
    if _ID.fullmatch(text):
        return text
    named = [key for key in pages.entries(api, screen, "/keys") if key["name"] == text]
    # A name may be given again once its key is revoked.
    found = [key["id"] for key in named if key["status"] != "revoked"] or [key["id"] for key in named]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise Failed(Exit.CONFLICT, f"{len(found)} keys are named {text!r}.", f"Give an id: {', '.join(found[:5])}.")
    raise Failed(Exit.NOT_FOUND, f"There is no key {text!r}.", "See them all: meterhouse keys list")


def _secret(screen: Screen, key: dict[str, Any], what: str) -> None:
    """The secret alone goes to stdout, so that a pipe gets it and nothing else."""
    if screen.as_json:
        screen.json(key)
        return
    screen.tell(f"{clean(key['name'])} ({key['id']}) {clean(what)}. The secret is shown this once:")
    screen.write(clean(key["secret"]))


def _switched(screen: Screen, key: dict[str, Any]) -> None:
    if screen.as_json:
        screen.json(key)
    else:
        screen.write(f"{clean(key['name'])} ({key['id']}) is {clean(key['status'])}.")
