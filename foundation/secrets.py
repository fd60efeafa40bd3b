"""API key secrets: `sk-`, 190 random bits in base62, and a checksum that refuses typos without a query."""

import hmac
import secrets
import zlib

PREFIX = "sk-"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY_LENGTH = 32
CHECKSUM_LENGTH = 6
LENGTH = len(PREFIX) + BODY_LENGTH + CHECKSUM_LENGTH
_ALPHABET_SET = frozenset(ALPHABET)


def random_base62(length: int) -> str:
    """Random base62 text from the system's generator; 5.95 bits a character."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(digits)


def new_secret() -> str:
    """A fresh secret; the caller shows it once and stores only its fingerprint."""
    body = random_base62(BODY_LENGTH)
    return PREFIX + body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Whether prefix, length, alphabet and checksum fit; says nothing about whether the key exists."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX):
        return False
    text = secret[len(PREFIX) :]
    if not _ALPHABET_SET.issuperset(text):
        return False
    return _checksum(text[:BODY_LENGTH]) == text[BODY_LENGTH:]


def fingerprint(secret: str, pepper: bytes) -> bytes:
    """Keyed hash of a secret, 32 bytes (HMAC-SHA256); the only form that is stored."""
    return hmac.digest(pepper, secret.encode(), "sha256")
