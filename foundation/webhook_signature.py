"""Signatures of webhooks, symmetric, version v1: Standard Webhooks 1.0.0, https://www.standardwebhooks.com."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
# The specification asks for 24 to 64.
_BYTES = 32


def new_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes, as receivers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def sign(webhook_id: str, timestamp: int, body: bytes, signers: Iterable[str]) -> str:
    """The webhook-signature header: one signature for each secret, separated by spaces."""
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{_digest(secret, signed)}" for secret in signers)


def _digest(secret: str, signed: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("Not a webhook secret.") from error
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
