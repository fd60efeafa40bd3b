"""limits: list, set, remove."""

from argparse import Namespace
from typing import Any

from client import keys, pages, table
from client.calls import Api, Query
from client.faults import Exit, Failed
from client.figures import count, minute, usd
from client.screen import Screen
from client.table import Column
from client.text import clean

_COLUMNS = (
    Column("ID"), Column("ON", elastic=True), Column("LIMIT", right=True), Column("USED", right=True),
    Column("LEFT", right=True), Column("RESETS"),
)  # fmt: skip


def listing(asked: Namespace, screen: Screen, api: Api) -> None:
    query = _subject(asked, screen, api)
    if screen.as_json:
        screen.json(pages.whole(api, screen, "/limits", query))
        return
    _table(screen, api, list(pages.entries(api, screen, "/limits", query)))


def put(asked: Namespace, screen: Screen, api: Api) -> None:
    """Change the limit of this measure and window on this subject, or make it."""
    subject = _subject(asked, screen, api)
    terms: dict[str, Any] = {"amount": asked.amount, "is_hard": not asked.soft}
    if asked.alert_at is not None:
        terms["thresholds"] = _percents(asked.alert_at)
    there = _there(api, screen, asked, subject)
    if there is None:
        body = {"measure": asked.measure, "window": asked.window, **terms}
        body.update((f"{name}_id", value) for name, value in subject)
        try:
            _said(screen, api, api.post("/limits", body))
            return
        except Failed as failed:
            if failed.code != "limit_exists":
                raise
            # Somebody else made it meanwhile.
            there = _there(api, screen, asked, subject)
            if there is None:
                raise
    _said(screen, api, api.patch(f"/limits/{there['id']}", terms))


def remove(asked: Namespace, screen: Screen, api: Api) -> None:
    answer = api.delete(f"/limits/{asked.limit}")
    if screen.as_json:
        screen.json(answer)
    else:
        screen.write(f"{clean(asked.limit)} is removed.")


def _subject(asked: Namespace, screen: Screen, api: Api) -> Query:
    if asked.key:
        return [("key", keys.find(api, screen, asked.key))]
    return [("project", asked.project)] if asked.project else []


def _there(api: Api, screen: Screen, asked: Namespace, subject: Query) -> dict[str, Any] | None:
    on = subject[0][0] if subject else "organization"
    for limit in pages.entries(api, screen, "/limits", subject):
        if (limit["applies_to"], limit["measure"], limit["window"]) == (on, asked.measure, asked.window):
            return limit
    return None


def _percents(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",") if one.strip()]
    except ValueError as error:
        raise Failed(Exit.USAGE, "--alert-at is a list of whole percents.", "Such as --alert-at 50,80,100") from error


def _said(screen: Screen, api: Api, limit: dict[str, Any]) -> None:
    if screen.as_json:
        screen.json(limit)
    else:
        _table(screen, api, [limit])


def _table(screen: Screen, api: Api, limits: list[dict[str, Any]]) -> None:
    """Periods begin on the clock of the organization."""
    zone = api.get("/organization")["time_zone"] if limits else ""
    table.show(screen, _COLUMNS, [_row(limit, zone) for limit in limits], "There are no limits.")


def _row(limit: dict[str, Any], zone: str) -> tuple[object, ...]:
    def amount(text: str) -> str:
        return usd(text) if limit["measure"] == "usd" else f"{count(text)} {limit['measure']}"

    status = limit["status"]
    terms = f"{amount(limit['amount'])}/{limit['window']}" + ("" if limit["is_hard"] else " (soft)")
    on = limit["key_id"] or limit["project_id"] or limit["applies_to"]
    return limit["id"], on, terms, amount(status["used"]), amount(status["left"]), minute(status["resets_at"], zone)
