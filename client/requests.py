"""requests: list the newest, or watch them arrive."""

import json
import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from client import pages
from client.calls import Api, Query
from client.faults import Exit, Failed
from client.figures import clock, count, moment, parsed, usd
from client.screen import Screen
from client.text import clean, fitted, padded
from client.usage import FILTERS

# A request belongs to the moment it was admitted and appears when it ends: so far back late ones are looked for.
REACH = timedelta(minutes=15)
# Seconds between two looks so far back, and seconds more for each page that such a look takes.
_SWEEP, _A_PAGE = 20.0, 1.0


def listing(asked: Namespace, screen: Screen, api: Api) -> None:
    found = []
    for request in pages.entries(api, screen, "/requests", filters(asked)):
        found.append(request)
        if len(found) >= asked.lines:
            screen.passing("")
            break
    if screen.as_json:
        screen.json({"object": "list", "data": found})
        return
    screen.tell(_times() if found else "There are no such requests.")
    for request in found:
        screen.write(line(screen, request, dated=True))


def tail(asked: Namespace, screen: Screen, api: Api) -> None:
    """Each request once, when it has ended; Ctrl+C ends it."""
    watch = Watch(api, filters(asked))
    if not screen.as_json:
        screen.tell(_times())
    try:
        for request in watch.begin(asked.lines):
            _say(screen, request)
        while True:
            time.sleep(asked.interval)
            for request in _looked(watch, screen):
                _say(screen, request)
    except KeyboardInterrupt:
        screen.tell("")


def _times() -> str:
    return f"Times are on this machine's clock, {clock()}."


def _looked(watch: "Watch", screen: Screen) -> list[dict[str, Any]]:
    """A server that is away for a while is waited for: nothing is lost meanwhile."""
    try:
        return watch.look()
    except Failed as failed:
        if failed.exit not in (Exit.UNREACHABLE, Exit.SERVER, Exit.TOO_MANY):
            raise
        screen.tell(f"{clean(failed.message)} Still watching…")
        return []


class Watch:
    """What is new since the last look: pages from the newest back, until one holds nothing new.

    Now and then it looks further back, for what was admitted before others and ended after them.
    """

    def __init__(self, api: Api, query: Query) -> None:
        self._api = api
        self._query = query
        self._seen: dict[str, datetime] = {}
        self._newest: datetime | None = None
        self._sweep_at = 0.0

    def begin(self, lines: int) -> list[dict[str, Any]]:
        """The last `lines` that are there already, oldest first; what is older counts as seen."""
        there: list[dict[str, Any]] = []
        for page in self._pages():
            there += page
            for request in page:
                self._learn(request)
            if self._newest is not None and _ends_before(page, self._newest - REACH):
                break
        self._sweep_at = time.monotonic() + _SWEEP
        return there[:lines][::-1]

    def look(self) -> list[dict[str, Any]]:
        """What has come, oldest first."""
        now = time.monotonic()
        is_sweep = now >= self._sweep_at
        # Older than this nothing was under way when we looked last: it was reported from elsewhere since.
        oldest = self._newest - REACH if self._newest else datetime.min.replace(tzinfo=UTC)
        found: list[dict[str, Any]] = []
        number = 0
        for page in self._pages():
            number += 1
            new = [one for one in page if one["id"] not in self._seen]
            found += new
            if _ends_before(page, oldest) or (not new and not is_sweep):
                break
        # All pages are there: a look that failed on its way has learnt nothing.
        for one in found:
            self._learn(one)
        if is_sweep:
            self._sweep_at = now + _SWEEP + number * _A_PAGE
            # No page will be read again that holds older ones.
            self._seen = {one: at for one, at in self._seen.items() if at >= oldest - REACH}
        return sorted((one for one in found if parsed(one["at"]) >= oldest), key=lambda one: str(one["at"]))

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        cursor = ""
        while True:
            more = [("cursor", cursor)] if cursor else []
            page = self._api.get("/requests", [*self._query, ("limit", "100"), *more])
            yield page["data"]
            if not page.get("has_more"):
                return
            cursor = str(page["next_cursor"])

    def _learn(self, request: dict[str, Any]) -> None:
        at = parsed(request["at"])
        self._seen[request["id"]] = at
        if self._newest is None or at > self._newest:
            self._newest = at


def _ends_before(page: list[dict[str, Any]], at: datetime) -> bool:
    return bool(page) and parsed(page[-1]["at"]) < at


def filters(asked: Namespace) -> Query:
    """The members of the query."""
    query = [(name, value) for name in FILTERS for value in getattr(asked, name) or ()]
    return query + ([("status", asked.status)] if asked.status else [])


def line(screen: Screen, request: dict[str, Any], *, dated: bool = False) -> str:
    """A request on one line; a narrow screen leaves out what stands at its end. What is watched needs no date."""
    status = request["status"]
    tokens = f"{count(request['input_tokens'])}→{count(request['output_tokens'])}"
    parts = [
        screen.painted(moment(request["at"], dated=dated), "dim"),
        screen.painted(padded(clean(status), 3), "green" if status < 400 else "red"),
        padded(fitted(clean(request["model"]), 18), 18),
        padded(tokens, 13, right=True),
        padded(usd(request["cost"]), 12, right=True),
        padded(_seconds(request["timing"]["total_ms"]), 7, right=True),
    ]
    if screen.columns is None or screen.columns >= (111 if dated else 100):
        parts.append(clean(request["id"]))
    parts.append(clean(request["error_code"] or request["ended"]))
    return " ".join(parts)


def _seconds(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.1f}s"


def _say(screen: Screen, request: dict[str, Any]) -> None:
    if screen.as_json:
        screen.write(json.dumps(request))
    else:
        screen.write(line(screen, request))
    screen.flush()
