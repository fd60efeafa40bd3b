"""Where answers go: stdout for what was asked, stderr for what is said about it."""

import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import Any

from client.text import clean

_COLOURS = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "bar": "36"}


@dataclass(frozen=True, slots=True)
class Screen:
    """`columns` is None where nothing limits a line, as in a pipe."""

    columns: int | None
    colour: bool
    as_json: bool = False
    blocks: bool = True

    def write(self, line: str = "") -> None:
        """A line of our own making; what comes from others has been through `clean`."""
        sys.stdout.write(line + "\n")

    def json(self, value: Any) -> None:
        """The answer as a program reads it; controls are escaped by JSON itself."""
        sys.stdout.write(json.dumps(value, indent=2) + "\n")

    def flush(self) -> None:
        """Now, for somebody who watches."""
        sys.stdout.flush()

    def tell(self, words: str) -> None:
        """Something to know, beside the answer."""
        with contextlib.suppress(OSError):
            sys.stderr.write(words + "\n")
            sys.stderr.flush()

    def passing(self, words: str) -> None:
        """Progress: replaced by what comes next, and only for somebody who looks."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{words}")
            sys.stderr.flush()

    def painted(self, words: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{words}\x1b[0m" if self.colour else words

    def error(self, message: str, fix: str) -> None:
        lines = [clean(line) for line in message.split("\n")]
        self.tell("meterhouse: " + "\n  ".join(lines))
        if fix:
            self.tell(f"  {clean(fix)}")


def screen(*, as_json: bool, columns: int | None, no_colour: bool) -> Screen:
    """As stdout is: a terminal has a width and colours, unless NO_COLOR is set."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    is_terminal = sys.stdout.isatty()
    if columns is None and is_terminal:
        columns = shutil.get_terminal_size().columns
    colour = is_terminal and not no_colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(columns, colour, as_json, _has_blocks())


def _has_blocks() -> bool:
    try:
        "█▏…".encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        return False
    return True
