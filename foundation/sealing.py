"""Secrets that must be readable again (a provider's key) are sealed at rest with AES-256-GCM."""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"


class SealBroken(ValueError):
    """The sealed text does not open with this key: another ENCRYPTION_KEY, or altered data."""


def _cipher(key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(b"meterhouse-sealing:" + key.encode()).digest())


def seal(text: str, key: str, context: str) -> str:
    """Encrypted text, bound to `context` (what it belongs to), safe to store."""
    nonce = os.urandom(12)
    sealed = _cipher(key).encrypt(nonce, text.encode(), context.encode())
    return f"{VERSION}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, key: str, context: str) -> str:
    """The text that was sealed for the same context; raises SealBroken."""
    version, _, payload = sealed.partition(":")
    if version != VERSION:
        raise SealBroken("Unknown seal version.")
    try:
        raw = base64.urlsafe_b64decode(payload.encode())
        return _cipher(key).decrypt(raw[:12], raw[12:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken("The stored secret does not open with this ENCRYPTION_KEY.") from error
