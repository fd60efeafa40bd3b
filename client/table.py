"""Rows under headings, within the width of the screen."""

from collections.abc import Sequence
from dataclasses import dataclass

from client.screen import Screen
from client.text import clean, fitted, padded, width

_GAP = "  "
_NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Column:
    """`elastic` ones give way where the screen is narrow; figures never do."""

    title: str
    right: bool = False
    elastic: bool = False


def show(screen: Screen, columns: Sequence[Column], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print the table, or `empty` where there is nothing."""
    if not rows:
        screen.tell(empty)
        return
    cells = [[clean("" if cell is None else cell) for cell in row] for row in rows]
    widths = [max(width(column.title), *(width(row[place]) for row in cells)) for place, column in enumerate(columns)]
    if screen.columns is not None:
        widths = _narrowed(columns, widths, screen.columns)
    screen.write(screen.painted(_line(columns, widths, [column.title for column in columns]), "dim"))
    for row in cells:
        screen.write(_line(columns, widths, row))


def _narrowed(columns: Sequence[Column], widths: list[int], most: int) -> list[int]:
    """The widest of the elastic columns gives way first."""
    widths = list(widths)
    elastic = [place for place, column in enumerate(columns) if column.elastic]
    while elastic and sum(widths) + len(_GAP) * (len(widths) - 1) > most:
        widest = max(elastic, key=lambda place: widths[place])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    shown = [
        padded(fitted(cell, columns_) if column.elastic else cell, columns_, right=column.right)
        for column, columns_, cell in zip(columns, widths, cells, strict=True)
    ]
    return _GAP.join(shown).rstrip()
