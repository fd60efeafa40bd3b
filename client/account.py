"""login, logout, whoami."""

import getpass
import sys
from argparse import Namespace

from client import login
from client.calls import Api, checked_url
from client.faults import Exit, Failed
from client.screen import Screen
from client.text import clean

_MANAGES = "management"


def log_in(asked: Namespace, screen: Screen) -> None:
    """Check address and key with the server, then keep them."""
    url = checked_url(asked.url or _asked("Address, such as https://console.example.com: "))
    if url.startswith("http://") and not url.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]")):
        screen.tell("Note: without https:// whoever sits between you and the server can read the key.")
    if asked.key_stdin or not sys.stdin.isatty():
        key = sys.stdin.readline()
    else:
        key = getpass.getpass("Key with the permission Management API (not shown): ")
    key = login.checked_key(key)
    me = Api(url, key, asked.timeout, screen.tell).get("/me")
    if not me["key"] or _MANAGES not in me["key"]["scopes"]:
        raise Failed(
            Exit.FORBIDDEN,
            "This key may not manage.",
            "Make one with the permission Management API on the API keys page, and log in with that.",
        )
    kept = login.keep(url, key)
    if screen.as_json:
        screen.json({"object": "login", "url": url, "organization": me["organization"], "file": str(kept)})
    else:
        screen.write(f"Logged in to {clean(me['organization']['name'])} at {url}.")
        screen.tell(f"Kept in {kept}.")


def log_out(asked: Namespace, screen: Screen) -> None:
    """Forget the file; the key itself stays as it is."""
    was_there = login.forget()
    if screen.as_json:
        screen.json({"object": "logout", "was_logged_in": was_there})
    else:
        screen.write("Logged out. The key still works: revoke it if nobody needs it." if was_there else "Logged out.")


def who_am_i(asked: Namespace, screen: Screen) -> None:
    """Server, organization, key, and what it may do."""
    found = login.find()
    me = Api(found.url, found.key, asked.timeout, screen.tell).get("/me")
    if screen.as_json:
        screen.json({**me, "url": found.url, "from": found.where})
        return
    organization, key = me["organization"], me["key"]
    lines = [
        ("Server", found.url),
        ("Organization", f"{organization['name']} ({organization['id']})"),
        ("Time zone", organization["time_zone"]),
        ("Key", f"{key['name']} ({key['id']})"),
        ("May", ", ".join(key["scopes"])),
        ("Log-in from", found.where),
    ]
    for title, value in lines:
        screen.write(f"{screen.painted(f'{title:<13}', 'dim')}{clean(value)}")
    if organization["suspended"]:
        screen.write(screen.painted("The organization is suspended.", "red"))


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise Failed(Exit.USAGE, "The address is missing.", "meterhouse login https://console.example.com")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
