"""A progress bar in the terminal; plain lines where there is none."""

import sys
import time
from typing import TextIO

_WIDTH = 32
_REFRESH_SECONDS = 0.1
_LINE_SECONDS = 10.0


class Progress:
    """Counts to `total`; `done` of it were done before."""

    def __init__(self, total: int, done: int = 0, out: TextIO = sys.stderr) -> None:
        self._total = total
        self._before = done
        self.done = done
        self._out = out
        self._is_terminal = out.isatty()
        self._started = time.monotonic()
        self._shown = 0.0

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self._shown >= (_REFRESH_SECONDS if self._is_terminal else _LINE_SECONDS):
            self._shown = now
            self._show()

    def finish(self) -> None:
        """Show the last state and leave the line."""
        self._show()
        if self._is_terminal:
            self._out.write("\n")

    def _show(self) -> None:
        line = self.line()
        self._out.write(f"\r{line}\x1b[K" if self._is_terminal else f"{line}\n")
        self._out.flush()

    def line(self) -> str:
        """The bar, how many of how many, how many a second, and the time left."""
        share = self.done / self._total if self._total else 1.0
        filled = int(share * _WIDTH)
        rate = (self.done - self._before) / max(1e-9, time.monotonic() - self._started)
        left = (self._total - self.done) / rate if rate else 0.0
        bar = "#" * filled + "." * (_WIDTH - filled)
        minutes, seconds = divmod(int(left), 60)
        return f"[{bar}] {self.done:,}/{self._total:,} {share:4.0%} {rate:,.0f}/s {minutes}:{seconds:02d} left"
