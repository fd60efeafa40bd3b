"""What the house keeps about one person as a ZIP: everything as JSON, and what has rows as CSV for spreadsheets."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import orjson

from accounts.models import ApiKey, Membership, User
from accounts.roles import Permission, allows
from dashboard import personal_data
from foundation.sheet import Sheet, csv_parts
from usage import request_list, sheets
from usage.reports import Filter

# Of the newest requests in each organization; the Requests page exports the others.
MOST_REQUESTS = 100_000
_IN_MEMORY = 5_000_000
_EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_TABLES = ("sessions", "memberships", "projects", "own_keys", "changes_made")


def of(user: User) -> IO[bytes]:
    """The file, from its beginning; memory does not grow with it."""
    found = personal_data.of(user)
    # Whoever reads it closes it.
    made = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("account.json", orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str))
        for name in _TABLES:
            if rows := found[name]:
                _add(archive, f"{name}.csv", csv_parts(_sheet(rows)))
        for membership in Membership.objects.filter(user=user).select_related("organization"):
            keys = [key.pk for key in ApiKey.objects.filter(organization=membership.organization, owner=user)]
            if keys:
                name = f"requests_{membership.organization.public_id}.csv"
                _add(archive, name, csv_parts(_requests(membership, keys)))
    made.seek(0)
    return made


def _add(archive: zipfile.ZipFile, name: str, parts: Iterable[str]) -> None:
    with archive.open(name, "w") as member, io.TextIOWrapper(member, encoding="utf-8", newline="") as file:
        file.writelines(parts)


def _sheet(rows: list[dict[str, Any]]) -> Sheet:
    columns = tuple(rows[0])
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    # Names, browsers and the like are typed by people: all text is guarded.
    return Sheet(columns, [cells], frozenset(columns))


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return sheets.instant(value)
    return " ".join(value) if isinstance(value, list) else value


def _requests(membership: Membership, key_ids: list[int]) -> Sheet:
    """What the person's own keys did in the organization, newest first."""
    chosen = Filter(membership.organization_id, *_EVER, key_ids=tuple(key_ids))
    whole = sheets.of_requests(request_list.newest_first(chosen), money=allows(membership.role, Permission.SEE_MONEY))
    return Sheet(whole.columns, _first(whole.parts), whole.typed)


def _first(parts: Iterable[Any]) -> Iterator[Any]:
    left = MOST_REQUESTS
    for rows in parts:
        if left <= 0:
            return
        yield rows[:left]
        left -= len(rows)
