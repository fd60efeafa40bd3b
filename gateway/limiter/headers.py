"""What a client is told about its rate limit."""

from math import ceil

from gateway.limiter.limiter import Slot

Headers = list[tuple[bytes, bytes]]
_MINUTE_SECONDS = 60


def rate_limit_headers(slot: Slot) -> Headers:
    """`x-ratelimit-*` of a slot, and `Retry-After` when it was refused."""
    headers = [
        (b"x-ratelimit-limit-requests", b"%d" % slot.limit),
        (b"x-ratelimit-remaining-requests", b"%d" % slot.remaining),
        (b"x-ratelimit-reset-requests", duration(slot.reset_after).encode()),
    ]
    if not slot.allowed:
        headers.append((b"retry-after", b"%d" % retry_after_seconds(slot)))
    return headers


def retry_after_seconds(slot: Slot) -> int:
    """Whole seconds, 1 to 60, after which a request passes."""
    return min(_MINUTE_SECONDS, max(1, ceil(slot.retry_after)))


def duration(seconds: float) -> str:
    """`120ms` below a second, `1s`, `1m0s` at most; rounded up."""
    milliseconds = ceil(max(0.0, seconds) * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    whole = min(_MINUTE_SECONDS, ceil(seconds))
    return "1m0s" if whole == _MINUTE_SECONDS else f"{whole}s"
