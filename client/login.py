"""Which server, as whom: from the environment, or from a file that nobody else can read."""

import contextlib
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from client.calls import checked_url
from client.faults import Exit, Failed

URL, KEY = "METERHOUSE_URL", "METERHOUSE_ADMIN_KEY"
_HOW = f"Log in with meterhouse login, or set {URL} and {KEY}."


@dataclass(frozen=True, slots=True)
class Login:
    """An address and a key; `where` says where they come from."""

    url: str
    key: str
    where: str


def path() -> Path:
    """The file, under the XDG configuration directory."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "meterhouse" / "login.json"


def find() -> Login:
    """The log-in that holds; raises Failed."""
    url, key = os.environ.get(URL, ""), os.environ.get(KEY, "")
    if url and key:
        return Login(checked_url(url), checked_key(key), "environment")
    kept = _read()
    if kept is None:
        missing = URL if key else KEY if url else ""
        raise Failed(Exit.LOGIN, f"{missing} is not set." if missing else "You are not logged in.", _HOW)
    if url and checked_url(url) != kept.url:
        # A key goes to the server it was given for and to no other.
        raise Failed(Exit.LOGIN, f"{URL} names another server than the one you are logged in to.", f"Set {KEY} too.")
    return Login(kept.url, checked_key(key) if key else kept.key, KEY if key else str(path()))


def keep(url: str, key: str) -> Path:
    """Write the file with mode 0600, whole or not at all."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".login-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump({"url": url, "key": key}, file)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return target


def forget() -> bool:
    """Whether there was something to forget."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True


def checked_key(text: str) -> str:
    """A key as a header can carry it; raises Failed."""
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Failed(Exit.LOGIN, "This is not an API key.", "Paste the secret as it was shown: sk-….")
    return text


def _read() -> Login | None:
    source = path()
    try:
        with source.open() as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Failed(Exit.LOGIN, f"Others on this machine can read {source}.", f"chmod 600 {source}")
            kept = json.load(file)
        return Login(checked_url(kept["url"]), checked_key(kept["key"]), str(source))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(Exit.LOGIN, f"{source} is damaged.", "Log in again: meterhouse login") from error
