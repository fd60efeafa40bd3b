"""What may be written after `meterhouse`."""

import argparse
from argparse import ArgumentParser
from typing import Any

from client import account, keys, limits, requests, usage

_EXITS = """exit codes:
  0 done             3 not logged in (401)   6 conflict (409)            9 refused as it is written (400)
  1 server error     4 not allowed (403)     7 too many requests (429)   130 interrupted
  2 wrong arguments  5 not found (404)       8 no connection

METERHOUSE_URL and METERHOUSE_ADMIN_KEY replace a log-in. NO_COLOR turns colours off."""


def parser() -> ArgumentParser:
    """`run` of what it returns is the command; `local` says that it needs no log-in."""
    common = ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="answer in JSON")
    common.add_argument("--timeout", type=_seconds, default=argparse.SUPPRESS, metavar="S", help="seconds; usually 30")
    common.add_argument("--width", type=_columns, default=argparse.SUPPRESS, metavar="N", help="columns of a line")
    common.add_argument("--no-color", action="store_true", default=argparse.SUPPRESS, help="plain text")
    top = ArgumentParser(
        prog="meterhouse",
        description="API keys, usage and limits of a Meterhouse from the command line.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(where: Any, name: str, run: Any, words: str, *, local: bool = False) -> ArgumentParser:
        made: ArgumentParser = where.add_parser(name, help=words, description=words, parents=[common])
        made.set_defaults(run=run, local=local)
        return made

    def group(name: str, words: str) -> Any:
        made = commands.add_parser(name, help=words, description=words)
        return made.add_subparsers(metavar="COMMAND", required=True)

    log_in = add(commands, "login", account.log_in, "keep an address and a key", local=True)
    log_in.add_argument("url", nargs="?", help="such as https://console.example.com")
    log_in.add_argument("--key-stdin", action="store_true", help="read the key from standard input")
    add(commands, "logout", account.log_out, "forget them", local=True)
    add(commands, "whoami", account.who_am_i, "server, organization and key", local=True)
    _keys(group("keys", "list, create, regenerate, revoke, disable, enable"), add)
    _usage(add(commands, "usage", usage.show, "requests, tokens and cost, as a table or a plot"))
    _limits(group("limits", "list, set, remove"), add)
    _requests(group("requests", "list the newest, or watch them arrive"), add)
    return top


def _keys(group: Any, add: Any) -> None:
    listing = add(group, "list", keys.listing, "all keys, newest first")
    listing.add_argument("--status", action="append", help="only these; repeat it for several")
    listing.add_argument("--project", metavar="ID")
    create = add(group, "create", keys.create, "a new key; its secret is printed once, alone on stdout")
    create.add_argument("name")
    create.add_argument("--project", metavar="ID", help="without it: the project of the key you use")
    create.add_argument("--scope", action="append", help="chat (usual), usage, ingest or management; repeatable")
    create.add_argument("--model", action="append", metavar="NAME", help="only these models; repeatable")
    create.add_argument("--network", action="append", metavar="CIDR", help="only from these networks; repeatable")
    create.add_argument("--rpm", type=int, metavar="N", help="requests a minute at most")
    create.add_argument("--expires", metavar="INSTANT", help="such as 2027-01-01T00:00:00Z")
    regenerate = add(group, "regenerate", keys.regenerate, "a new secret, printed once, alone on stdout")
    regenerate.add_argument("key", help="id or name")
    regenerate.add_argument(
        "--grace", choices=("now", "1h", "24h", "7d"), default="now", help="how long the old secret still works"
    )
    revoke = add(group, "revoke", keys.revoke, "stop a key for good")
    revoke.add_argument("key", help="id or name")
    revoke.add_argument("--yes", action="store_true", help="do not ask")
    for name, run, words in (
        ("disable", keys.disable, "stop a key until it is enabled"),
        ("enable", keys.enable, "let a disabled key work again"),
    ):
        add(group, name, run, words).add_argument("key", help="id or name")


def _filters(made: ArgumentParser) -> None:
    for name in usage.FILTERS:
        made.add_argument(f"--{name}", action="append", metavar="NAME" if name == "model" else "ID", help="repeatable")


def _usage(made: ArgumentParser) -> None:
    made.add_argument("--by", choices=("model", "key", "project", "member"), help="totals of each")
    made.add_argument("--interval", choices=("15m", "hour", "day", "week", "month"), default="day")
    made.add_argument("--from", dest="from_", metavar="DAY", help="first day, such as 2026-11-01")
    made.add_argument("--to", metavar="DAY", help="last day, included")
    made.add_argument("--period", metavar="NAME", help="days by name instead, such as month or last-month")
    _filters(made)
    made.add_argument("--plot", action="store_true", help="draw it")
    made.add_argument("--show", choices=("cost", "tokens", "requests"), default="cost", help="what the plot shows")
    made.add_argument("--all", action="store_true", help="periods without usage as well")


def _limits(group: Any, add: Any) -> None:
    listing = add(group, "list", limits.listing, "limits in force, with what is used")
    put = add(group, "set", limits.put, "set a limit, or change the one there is")
    put.add_argument("amount", help="USD, tokens or requests, such as 25.00")
    put.add_argument("--measure", choices=("usd", "tokens", "requests"), default="usd")
    put.add_argument("--window", choices=("day", "week", "month", "lifetime"), default="month")
    put.add_argument("--soft", action="store_true", help="only tell, refuse nothing")
    put.add_argument("--alert-at", metavar="PERCENTS", help="such as 50,80,100")
    for made in (listing, put):
        on = made.add_mutually_exclusive_group()
        on.add_argument("--key", metavar="KEY", help="id or name; without it and --project: the organization")
        on.add_argument("--project", metavar="ID")
    add(group, "remove", limits.remove, "end a limit").add_argument("limit", metavar="ID")


def _requests(group: Any, add: Any) -> None:
    for name, run, words in (
        ("list", requests.listing, "the newest requests, newest first"),
        ("tail", requests.tail, "requests as they end, until Ctrl+C"),
    ):
        made = add(group, name, run, words)
        made.add_argument("-n", "--lines", type=_lines, default=10 if name == "tail" else 20, metavar="N")
        _filters(made)
        made.add_argument("--status", choices=("2xx", "4xx", "5xx"))
        if name == "tail":
            made.add_argument("--interval", type=_seconds, default=2.0, metavar="S", help="seconds between two looks")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError("seconds from 0.1 to 3600")
    return value


def _columns(text: str) -> int:
    value = int(text)
    if not 20 <= value <= 1000:
        raise argparse.ArgumentTypeError("columns from 20 to 1000")
    return value


def _lines(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a number from 0")
    return value
