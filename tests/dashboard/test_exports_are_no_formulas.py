"""Whatever people and providers write, no export has a cell that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import ApiKey
from billing import grants
from billing.models import GrantKind
from foundation.money import NANO
from tests.dashboard.metered import logged_in, record, request_of
from tests.people import House, house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")
HOSTILE = [f"{beginning}cmd|' /C calc'!A0" for beginning in BEGINNINGS]
EXPORTS = (
    "/usage/export.csv",
    "/usage/requests/export.csv",
    "/billing/export.csv",
    "/api/v1/exports/usage?format=csv",
    "/api/v1/exports/requests?format=csv",
    "/api/v1/exports/ledger?format=csv",
)
pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]


@pytest.fixture
def alice() -> House:
    with time_machine.travel(NOW, tick=False):
        made = house("Alice")
        made.project.name = HOSTILE[0]
        made.project.save()
        for number, text in enumerate(HOSTILE):
            key, _ = made.key("later")
            ApiKey.objects.filter(pk=key.pk).update(name=text)
            key.refresh_from_db()
            told = {"request_id": f"{text}{number}", "finish_reason": text[:20], "error_code": text[:20]}
            record(request_of(key, NOW - timedelta(hours=1), model=text, **told))
            grants.give(made.organization, NANO, GrantKind.OPERATOR, source=f"{text}{number}", note=text, at=NOW)
        yield made


@pytest.mark.parametrize("path", EXPORTS)
def test_no_cell_begins_like_a_formula(alice: House, path: str) -> None:
    body = b"".join(logged_in(alice.owner).get(path).streaming_content).decode()  # type: ignore[attr-defined]
    lines = list(csv.DictReader(io.StringIO(body, newline="")))
    assert len(lines) >= len(HOSTILE)
    for line in lines:
        for column, cell in line.items():
            assert not cell.startswith(BEGINNINGS) or (column == "amount" and float(cell) < 0), (column, cell)


@pytest.mark.parametrize("path", EXPORTS[:5])
def test_what_was_written_is_still_to_be_read(alice: House, path: str) -> None:
    body = b"".join(logged_in(alice.owner).get(path).streaming_content).decode()  # type: ignore[attr-defined]
    cells = {cell for line in csv.DictReader(io.StringIO(body, newline="")) for cell in line.values()}
    assert {f"'{text}" for text in HOSTILE} <= cells
