"""Lists from their first page to the last."""

from collections.abc import Iterator
from typing import Any

from client.calls import Api, Query
from client.faults import Exit, Failed
from client.screen import Screen

_A_PAGE = "100"


def entries(api: Api, screen: Screen, path: str, query: Query = ()) -> Iterator[dict[str, Any]]:
    """Every entry, newest first; a long list says how far it is."""
    read, cursor, seen = 0, "", set[str]()
    while True:
        more = [("cursor", cursor)] if cursor else []
        page = api.get(path, [*query, ("limit", _A_PAGE), *more])
        yield from page["data"]
        read += len(page["data"])
        if not page.get("has_more"):
            break
        cursor = str(page["next_cursor"])
        if cursor in seen:
            raise Failed(Exit.SERVER, "The list turns in a circle.", "Tell the operator of this server.")
        seen.add(cursor)
        screen.passing(f"{read:,} read…")
    screen.passing("")


def whole(api: Api, screen: Screen, path: str, query: Query = ()) -> dict[str, Any]:
    """All pages as one answer, for `--json`."""
    return {"object": "list", "data": list(entries(api, screen, path, query)), "has_more": False, "next_cursor": None}
