"""usage: what was used and what it cost, as a table or as a plot."""

from argparse import Namespace
from decimal import Decimal
from typing import Any

from client import plot, table
from client.calls import Api
from client.figures import count, local, parsed, short_usd, usd
from client.plot import Bar
from client.screen import Screen
from client.table import Column
from client.text import clean, fitted

_FIGURES = (
    Column("REQUESTS", right=True), Column("INPUT", right=True), Column("CACHED", right=True),
    Column("OUTPUT", right=True), Column("COST", right=True),
)  # fmt: skip
_LONGEST_NAME = 24
# What narrows usage and requests down, by its name in the API and after two dashes.
FILTERS = ("project", "key", "model", "member")
_OTHERS = 12


def show(asked: Namespace, screen: Screen, api: Api) -> None:
    query = [("interval", asked.interval)]
    for name in ("by", "from", "to", "period"):
        if value := getattr(asked, name.replace("from", "from_")):
            query.append((name, value))
    query += [(name, value) for name in FILTERS for value in getattr(asked, name) or ()]
    report = api.get("/usage", query)
    if screen.as_json:
        screen.json(report)
    elif asked.plot:
        _plot(asked, screen, report)
    else:
        _table(asked, screen, report)


def _table(asked: Namespace, screen: Screen, report: dict[str, Any]) -> None:
    if asked.by:
        rows = [(_name(group), *_figures(group)) for group in report["groups"]]
        first = Column(asked.by.upper(), elastic=True)
    else:
        rows = [
            (_label(period["start"], report), *_figures(_one(period)))
            for period in report["data"]
            if period["results"] or asked.all
        ]
        first = Column(asked.interval.upper())
    if rows:
        rows.append(("Total", *_figures(report["totals"])))
    table.show(screen, (first, *_FIGURES), rows, "Nothing was used.")


def _plot(asked: Namespace, screen: Screen, report: dict[str, Any]) -> None:
    what, zone = asked.show, report["time_zone"]
    if not report["totals"]["requests"] and not any(period["results"] for period in report["data"]):
        screen.tell("Nothing was used.")
        return
    total = _said(what, _value(report["totals"], what))
    heading = f"{what.capitalize()} by {asked.by or asked.interval}, {clean(zone)}: {total}"
    screen.write(screen.painted(heading, "bold"))
    if asked.by:
        bars = [
            Bar(
                fitted(clean(_name(group)), _LONGEST_NAME),
                _value(group, what),
                _said(what, _value(group, what)),
                [_of_group(period, group, what) for period in report["data"]],
            )
            for group in _largest(report["groups"], what)
        ]
    else:
        values = [(period, _value(_one(period), what)) for period in report["data"]]
        bars = [Bar(_label(period["start"], report), value, _said(what, value)) for period, value in values]
    plot.show(screen, bars)
    if asked.by and len(report["groups"]) > _OTHERS:
        screen.tell(f"{len(report['groups']) - _OTHERS} more; see them all without --plot.")


def _largest(groups: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return sorted(groups, key=lambda group: -_value(group, what))[:_OTHERS]


def _of_group(period: dict[str, Any], group: dict[str, Any], what: str) -> Decimal:
    return sum((_value(one, what) for one in period["results"] if one["id"] == group["id"]), Decimal(0))


def _one(period: dict[str, Any]) -> dict[str, Any]:
    """The sums of a period without groups; nothing used is zero."""
    nothing = {"requests": 0, "input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "cost": "0.00"}
    return period["results"][0] if period["results"] else nothing


def _name(group: dict[str, Any]) -> str:
    return str(group["name"] or group["id"] or "keys of projects")


def _label(start: str, report: dict[str, Any]) -> str:
    """The period's first day, or with its time, where the server writes it in the organization's zone."""
    at = parsed(start)
    if report["interval"] in ("hour", "15m"):
        return f"{local(at, report['time_zone']):%m-%d %H:%M}"
    return f"{local(at, report['time_zone']):%Y-%m-%d}"


def _value(sums: dict[str, Any], what: str) -> Decimal:
    if what == "cost":
        return Decimal(sums["cost"] or 0)
    if what == "tokens":
        return Decimal(sums["input_tokens"] + sums["output_tokens"])
    return Decimal(sums["requests"])


def _said(what: str, value: Decimal) -> str:
    return short_usd(value) if what == "cost" else count(value)


def _figures(sums: dict[str, Any]) -> tuple[str, ...]:
    names = ("requests", "input_tokens", "cached_input_tokens", "output_tokens")
    return (*(count(sums[name]) for name in names), usd(sums["cost"]))
