"""Read settings from the environment; a secret may also be a file (NAME_FILE) or made once under DATA_DIR."""

import ipaddress
import math
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_DATABASES = ("postgresql://", "postgres://", "pgsql://", "sqlite://")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The variable NAME, or the content of the file that NAME_FILE points to."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {error}") from error
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    """A yes or no; anything else is refused."""
    value = text(name).lower()
    if name not in os.environ and f"{name}_FILE" not in os.environ:
        return default
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise ImproperlyConfigured(f"{name}={value!r}: write true or false.")


def number(name: str, default: float, least: float = 0) -> float:
    """A number from `least` on; anything else is refused."""
    value = text(name)
    try:
        found = float(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number.") from error
    if not math.isfinite(found) or found < least:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number, {least:g} or more.")
    return found


def link(name: str) -> str:
    """An address for people to follow, http, https or mailto; anything else is refused."""
    return _begins(name, "https://", "http://", "mailto:")


def origin(name: str) -> str:
    """The address of a house, http or https, without a slash at its end; anything else is refused."""
    return _begins(name, "https://", "http://").rstrip("/")


def redis(name: str) -> str:
    """The address of a Redis; anything else is refused."""
    return _begins(name, "redis://", "rediss://", "unix://")


def _begins(name: str, *beginnings: str) -> str:
    value = text(name)
    if value and not value.startswith(beginnings):
        written = ", ".join(beginnings[:-1]) + " or " + beginnings[-1]
        raise ImproperlyConfigured(f"{name}={value!r}: write {written} with an address.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas or spaces."""
    return text(name, default).replace(",", " ").split()


def hosts(name: str, default: str = "") -> list[str]:
    """Names of hosts; an address with a scheme or a path, which no request would ever match, is refused."""
    found = words(name, default)
    for word in found:
        if "/" in word:
            raise ImproperlyConfigured(f"{name}: {word!r} is an address. Write the host name alone.")
    return found


def origins(name: str) -> list[str]:
    """Origins, http or https; a host name alone, which no request would ever match, is refused."""
    found = words(name)
    for word in found:
        if not word.startswith(("https://", "http://")):
            raise ImproperlyConfigured(f"{name}: {word!r} is no origin. Write such as https://console.example.com.")
    return found


def networks(name: str) -> list[str]:
    """Networks or single addresses; anything else is refused."""
    found = words(name)
    for word in found:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {word!r} is no network. Write such as 10.0.0.0/8.") from error
    return found


def level(name: str) -> str:
    """How much is logged; anything that logging does not know is refused."""
    value = text(name).upper() or "INFO"
    if value not in _LEVELS:
        raise ImproperlyConfigured(f"{name}={value!r}: write one of {', '.join(_LEVELS)}.")
    return value


def database(name: str, default: str) -> Any:
    """Django's settings of a database; what is wrong is refused without its password."""
    value = text(name) or default
    try:
        if value.startswith(_DATABASES):
            return dj_database_url.parse(value, conn_max_age=0)
    except ValueError:
        pass
    raise ImproperlyConfigured(
        f"{name}: write postgresql://user:password@host:port/name or sqlite:////path/of/a/file. "
        "In a password, each of :/?#[]@% is written as %, followed by its two digits."
    )


def mail(name: str) -> SplitResult | None:
    """The address of a mail server, None when there is none; what is wrong is refused without its password."""
    value = text(name)
    if not value:
        return None
    try:
        found = urlsplit(value)
        if found.scheme in ("smtp", "smtps", "smtp+tls") and found.port != 0:
            return found
    except ValueError:
        pass
    raise ImproperlyConfigured(f"{name}: write smtp://, smtps:// or smtp+tls://user:password@host:port.")


def make_folder(name: str, path: Path) -> None:
    """Make a folder, for its owner alone, when it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}={path}: {error.strerror}. Choose a folder that can be written.") from error


def secret(name: str, folder: Path, *, production: bool) -> str:
    """A secret of at least 32 characters; outside production it is made once and kept in `folder`, mode 0600."""
    value = text(name)
    if value:
        if production and len(value) < 32:
            raise ImproperlyConfigured(f"{name} has fewer than 32 characters. Make one: openssl rand -base64 48")
        return value
    if production:
        raise ImproperlyConfigured(
            f"{name} is missing. Make one with `openssl rand -base64 48`; set {name} or {name}_FILE."
        )
    path = folder / name.lower()
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return _make(path)


def _make(path: Path) -> str:
    """Write a new secret; of two processes that start together one wins and both read the same."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
