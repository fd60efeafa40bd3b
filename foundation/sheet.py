"""Rows under named columns, as CSV for spreadsheets and as JSON Lines for programs; made part by part."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

# A spreadsheet runs cells that begin so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`parts` are lists of rows whose cells are text, whole numbers, true, false or None; it can be read once.

    `typed` names the columns whose text people wrote.
    """

    columns: tuple[str, ...]
    parts: Iterable[Sequence[Row]]
    typed: frozenset[str] = frozenset()


def guarded(cell: str) -> str:
    """Text that a person wrote, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class Echo:
    """csv writes into it and gets the line back."""

    def write(self, line: str) -> str:
        return line


def csv_parts(sheet: Sheet) -> Iterator[str]:
    """The header, then the lines of each part."""
    writer = csv.writer(Echo())
    yield writer.writerow(sheet.columns)
    typed = [name in sheet.typed for name in sheet.columns]
    for rows in sheet.parts:
        if rows:
            yield "".join(writer.writerow([_cell(*pair) for pair in zip(row, typed, strict=True)]) for row in rows)


def json_parts(sheet: Sheet) -> Iterator[bytes]:
    """The lines of each part, one object a row."""
    for rows in sheet.parts:
        if rows:
            yield b"".join(
                orjson.dumps(dict(zip(sheet.columns, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
                for row in rows
            )


def _cell(value: Any, is_typed: bool) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return guarded(value) if is_typed and isinstance(value, str) else value
