"""A bar in the terminal, nothing elsewhere."""

import time
from typing import Any

_WIDTH = 32
_EVERY = 0.1


class ProgressBar:
    """Rewrites one line of `stream`; silent when nobody watches."""

    def __init__(self, stream: Any, *, silent: bool = False) -> None:
        self._stream = stream
        self._shown = not silent and stream.isatty()
        self._name = ""
        self._total = self._done = 0
        self._written_at = 0.0

    def begin(self, name: str, total: int) -> None:
        """A step of `total` rows begins."""
        self._name, self._total, self._done = name, total, 0
        self._write()

    def advance(self, rows: int) -> None:
        """So many more rows of the step are done."""
        self._done += rows
        if time.monotonic() - self._written_at >= _EVERY:
            self._write()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._shown:
            self._stream.write("\r\x1b[K", ending="")
            self._stream.flush()

    def _write(self) -> None:
        if not self._shown:
            return
        self._written_at = time.monotonic()
        # Rows may arrive while it runs.
        total = max(self._total, self._done)
        filled = self._done * _WIDTH // max(total, 1)
        bar = "#" * filled + "." * (_WIDTH - filled)
        self._stream.write(f"\r\x1b[K[{bar}] {self._name} {self._done:,} of {total:,}", ending="")
        self._stream.flush()
