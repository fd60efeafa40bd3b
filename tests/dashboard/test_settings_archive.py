"""A copy of one's data: a ZIP of JSON and CSV, of this person alone and without secrets."""

import csv
import io
import json
import zipfile

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKeySecret
from accounts.roles import Role
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import house

pytestmark = pytest.mark.django_db


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_it_holds_everything_as_json_and_what_has_rows_as_csv() -> None:
    alice = house("Alice")
    bob = alice.member("Bob", Role.DEVELOPER)
    issued = keys.create(alice.project, "=bobs", alice.actor, owner=bob)
    other, _ = alice.key("alices")
    now = timezone.now()
    record(request_of(issued.api_key, now, charge=217_000), request_of(other, now))
    answer = browser(bob, headers={"user-agent": "@Firefox"}).get("/settings/data/archive/")
    assert answer["content-type"] == "application/zip" and "no-store" in answer["cache-control"]
    assert bob.public_id.lower() in answer["content-disposition"]
    raw = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        account = json.loads(archive.read("account.json"))
        assert account["account"]["email"] == "bob@example.com"
        assert [one["name"] for one in table(archive, "own_keys.csv")] == ["'=bobs"]
        [request] = table(archive, f"requests_{alice.organization.public_id}.csv")
        assert (request["api_key"], request["cost"]) == ("'=bobs", "0.000217")
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for hidden in ("alice@example.com", issued.secret, bob.password, ApiKeySecret.objects.first().fingerprint):  # type: ignore[union-attr]
        assert hidden.encode() not in everything


def test_a_viewer_gets_no_costs() -> None:
    alice = house("Alice")
    lena = alice.member("Lena", Role.VIEWER)
    issued = keys.create(alice.project, "old", alice.actor, owner=lena)
    record(request_of(issued.api_key, timezone.now()))
    answer = browser(lena).get("/settings/data/archive/")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:  # type: ignore[attr-defined]
        [request] = table(archive, f"requests_{alice.organization.public_id}.csv")
    assert "cost" not in request and request["total_tokens"] == "15"


def test_strangers_are_sent_to_the_log_in() -> None:
    assert browser(None).get("/settings/data/archive/").status_code == 302
