"""Columns of text, as wide as they must be."""

from collections.abc import Iterable, Iterator, Sequence


def lines(rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """One line a row; the columns in `right` are numbers."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
