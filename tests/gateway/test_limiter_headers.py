"""What a client reads about its limit is true, and in the form of the contract."""

import re

import pytest

from gateway.limiter.headers import duration, rate_limit_headers, retry_after_seconds
from gateway.limiter.limiter import Slot


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0001, "1ms"),
        (0.12, "120ms"),
        (0.9991, "1s"),
        (1, "1s"),
        (1.2, "2s"),
        (59.0001, "1m0s"),
        (60, "1m0s"),
        (75, "1m0s"),
        (-1, "0ms"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_durations_never_promise_too_early():
    for step in range(0, 60_000, 7):
        found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", duration(step / 1000))
        minutes, seconds, milliseconds = (int(part or 0) for part in found.groups())
        assert step <= 60_000 * minutes + 1000 * seconds + milliseconds < step + 1000


def test_an_allowed_answer_has_no_retry_after():
    slot = Slot(allowed=True, limit=10, remaining=7, reset_after=60.0, retry_after=0.0)
    assert rate_limit_headers(slot) == [
        (b"x-ratelimit-limit-requests", b"10"),
        (b"x-ratelimit-remaining-requests", b"7"),
        (b"x-ratelimit-reset-requests", b"1m0s"),
    ]


@pytest.mark.parametrize(("wait", "whole"), [(0.0001, 1), (1, 1), (1.0001, 2), (59.2, 60), (60, 60)])
def test_a_refusal_says_when_to_come_back(wait, whole):
    slot = Slot(allowed=False, limit=10, remaining=0, reset_after=60.0, retry_after=wait)
    assert retry_after_seconds(slot) == whole
    assert rate_limit_headers(slot)[-1] == (b"retry-after", b"%d" % whole)
