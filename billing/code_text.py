"""How a redemption code is written: five groups of Crockford's base32, the last one a checksum of the others."""

import secrets
import zlib

# No I, L, O or U: they look like other characters, or spell words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans("OIL", "011")
_GROUP = 4
# 80 random bits and 20 of a checksum.
_BODY, _CHECK = 16, 4
LENGTH = _BODY + _CHECK


def new_code() -> str:
    """A fresh code such as 4T8K-…: five groups of four."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_BODY))
    return grouped(body + _checksum(body))


def normal(text: str) -> str | None:
    """What was typed as 20 characters, whatever its case, hyphens and blanks; None when it cannot be a code."""
    found = "".join(text.upper().replace("-", " ").split()).translate(_LOOKALIKES)
    if len(found) != LENGTH or not set(ALPHABET).issuperset(found):
        return None
    return found if _checksum(found[:_BODY]) == found[_BODY:] else None


def grouped(code: str) -> str:
    """The 20 characters in groups."""
    return "-".join(code[place : place + _GROUP] for place in range(0, LENGTH, _GROUP))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(_CHECK):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)
