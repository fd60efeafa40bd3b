"""Bars and their course over time, of block characters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from client.screen import Screen
from client.text import padded, width

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_IN_A_PIPE = 80
_NARROWEST, _LONGEST_COURSE = 8, 31


@dataclass(frozen=True, slots=True)
class Bar:
    """A label, a value and how it is said; `course` is the value's history."""

    label: str
    value: Decimal
    said: str
    course: Sequence[Decimal] = field(default=())


def show(screen: Screen, bars: Sequence[Bar]) -> None:
    """One line a bar, within the width of the screen."""
    most = screen.columns or _IN_A_PIPE
    labels = max(width(bar.label) for bar in bars)
    said = max(width(bar.said) for bar in bars)
    course = min(_LONGEST_COURSE, max(len(bar.course) for bar in bars))
    room = most - labels - said - 3
    if course and room - course - 2 < 2 * _NARROWEST:
        course = 0
    room = max(_NARROWEST, room - (course + 2 if course else 0))
    largest = max((bar.value for bar in bars), default=Decimal(0))
    for bar in bars:
        drawn = screen.painted(padded(_bar(bar.value, largest, room, screen.blocks), room), "bar")
        line = f"{padded(bar.label, labels)} {drawn} {padded(bar.said, said, right=True)}"
        screen.write(
            line + (f"  {screen.painted(_course(bar.course[-course:], screen.blocks), 'bar')}" if course else "")
        )


def _bar(value: Decimal, largest: Decimal, room: int, blocks: bool) -> str:
    """Below zero there is nothing to draw; what is not zero is never drawn as nothing."""
    if value <= 0 or largest <= 0:
        return ""
    if not blocks:
        return "#" * max(1, int(value * room / largest))
    eighths = max(1, int(value * room * 8 / largest))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _course(values: Sequence[Decimal], blocks: bool) -> str:
    largest = max(values, default=Decimal(0))
    heights = _HEIGHTS if blocks else " .:-=+*%#"
    return "".join(
        heights[0] if value <= 0 or largest <= 0 else heights[max(1, int(value * 8 / largest))] for value in values
    )
