"""Read settings from the environment; a secret may also be a file (NAME_FILE) or made once under DATA_DIR."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

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


def number(name: str, default: float) -> float:
    """A number; anything else is refused."""
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number.") from error


def link(name: str) -> str:
    """An address for people to follow, http, https or mailto; anything else is refused."""
    value = text(name)
    if value and not value.startswith(("https://", "http://", "mailto:")):
        raise ImproperlyConfigured(f"{name}={value!r}: write https://, http:// or mailto: with an address.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas or spaces."""
    return text(name, default).replace(",", " ").split()


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
