"""One short value for an organization's event, instead of its source and id."""

import hashlib

from billing.ingestion.event import Name


def identity(organization_id: int, name: Name) -> str:
    """128 bits as hexadecimal digits, as the column takes them on both databases."""
    source, external_id = name
    # What is visible has no control characters, so nothing else reads like this.
    text = f"{organization_id}\n{source}\n{external_id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
