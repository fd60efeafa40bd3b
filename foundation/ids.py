"""Identifiers: public ids that people and scripts see, and time-ordered 63-bit ids for facts."""

import itertools
import threading
import time

from foundation.secrets import random_base62

# 2024-01-01T00:00:00Z, so that 41 bits of milliseconds last until 2093.
EPOCH_MS = 1_704_067_200_000


def public_id(prefix: str) -> str:
    """An unguessable id such as `key_4fTz…`, 20 base62 characters after the prefix."""
    return f"{prefix}_{random_base62(20)}"


def fact_id(at_ms: int, process_number: int, sequence: int) -> int:
    """The 63-bit id of a fact: 41 bits of milliseconds since EPOCH_MS, 10 of the process, 12 of a sequence."""
    return ((at_ms - EPOCH_MS) << 22) | (process_number % 1024 << 12) | sequence


class FactIds:
    """Time-ordered 63-bit ids, unique across processes as long as their process numbers differ modulo 1024."""

    def __init__(self, process_number: int) -> None:
        self._process = process_number % 1024
        self._lock = threading.Lock()
        self._last_ms = 0
        self._sequence = itertools.count()

    def next(self) -> int:
        """The next id: 41 bits of milliseconds, 10 of the process, 12 of a sequence."""
        with self._lock:
            now = time.time_ns() // 1_000_000 - EPOCH_MS
            if now > self._last_ms:
                self._last_ms = now
                self._sequence = itertools.count()
            number = next(self._sequence)
            if number >= 4096:
                # More than 4,096 in one millisecond, or a clock that went back: borrow from the next one.
                self._last_ms += 1
                self._sequence = itertools.count(1)
                number = 0
            return (self._last_ms << 22) | (self._process << 12) | number
