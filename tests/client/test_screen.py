"""What reaches a terminal: nothing that moves its cursor, nothing wider than it is."""

import time
from decimal import Decimal

import pytest

from client import plot, table
from client.faults import Exit, of_answer
from client.figures import clock, minute, short_usd, usd
from client.plot import Bar
from client.screen import Screen
from client.table import Column
from client.text import clean, fitted, padded, width

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u200b \r\n\x00 名前 é"


def test_no_control_passes():
    shown = clean(HOSTILE)
    assert shown.isprintable()
    assert "名前 é" in shown
    assert "\\x1b[2J" in shown and "\\x9b" in shown and "\\u202e" in shown and "\\r\\n\\x00" in shown


def test_wide_characters_take_two_columns():
    assert width("名前") == 4
    assert fitted("名前です", 5) == "名前…"
    assert padded("名前", 6) == "名前  "
    assert width("e\u0301") == 1


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_keeps_to_the_width_and_its_figures(columns, capsys):
    screen = Screen(columns, colour=False)
    rows = [(HOSTILE * 3, "1,234.567890123"), ("short", "0.01")]
    table.show(screen, (Column("NAME", elastic=True), Column("COST", right=True)), rows, "")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(width(line) <= columns and line.isprintable() for line in lines)
    assert "1,234.567890123" in lines[1]


def test_an_instant_says_its_zone(monkeypatch):
    assert minute("2026-11-30T16:00:00Z", "Asia/Shanghai") == "2026-12-01 00:00+08:00"
    assert minute("2026-11-30T16:00:00Z", "Mars/Base") == "2026-11-30 16:00+00:00"
    assert minute(None, "UTC") == "—"
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert clock() == "UTC+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_pipe_gets_everything(capsys):
    table.show(Screen(None, colour=False), (Column("NAME", elastic=True),), [("x" * 500,)], "")
    assert "x" * 500 in capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("blocks", [True, False])
def test_bars_keep_to_the_width_and_to_scale(columns, blocks, capsys):
    bars = [
        Bar("2026-11-01", Decimal(100), "$100.00", [Decimal(1), Decimal(0), Decimal(8)]),
        Bar("2026-11-02", Decimal(50), "$50.00", [Decimal(1)]),
        Bar("2026-11-03", Decimal("0.000000001"), "<$0.0001"),
        Bar("2026-11-04", Decimal(0), "$0.00"),
        Bar("2026-11-05", Decimal(-3), "-$3.00"),
    ]
    plot.show(Screen(columns, colour=False, blocks=blocks), bars)
    lines = capsys.readouterr().out.splitlines()
    assert all(width(line) <= columns for line in lines)
    drawn = [sum(line.count(block) for block in "█#") for line in lines]
    # A course may end in a full block as well.
    assert abs(drawn[0] - 2 * drawn[1]) <= 2
    assert any(block in lines[2] for block in "▏#"), "what is not zero is drawn"
    assert not any(block in lines[3] + lines[4] for block in "▏█#")


def test_money_is_exact_and_never_zero_when_it_is_not():
    assert usd("0.000000001") == "$0.000000001"
    assert usd("-12345.50") == "-$12,345.50"
    assert usd(None) == "—"
    assert short_usd(Decimal("0.000000001")) == "<$0.0001"
    assert short_usd(Decimal("1234.5")) == "$1,234.50"
    assert short_usd(Decimal(0)) == "$0.00"


@pytest.mark.parametrize(
    ("status", "body", "exit_code", "words"),
    [
        (401, {"error": {"message": "No.", "code": "invalid_api_key"}}, Exit.LOGIN, "meterhouse login"),
        (403, {"error": {"message": "No.", "code": "ip_not_allowed"}}, Exit.FORBIDDEN, "networks"),
        (404, {"error": {"message": "No."}}, Exit.NOT_FOUND, "whoami"),
        (409, {"error": {"message": "No.", "code": "idempotency_key_reused"}}, Exit.CONFLICT, "try again"),
        (502, None, Exit.SERVER, "in a moment"),
        (200, None, Exit.SERVER, "address"),
        (302, None, Exit.UNREACHABLE, "leads to"),
        (404, ["<html>"], Exit.NOT_FOUND, "address of Meterhouse"),
    ],
)
def test_every_answer_has_an_exit_code_and_a_way_out(status, body, exit_code, words):
    failed = of_answer(status, body)
    assert failed.exit == exit_code
    assert words in failed.fix
