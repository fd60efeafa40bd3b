"""Scheduled exports on pages: added, changed, run, switched, given another key, removed; no secret is shown."""

import html
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.roles import Role
from billing import exports
from billing.exports import Target
from billing.models import ExportFile, ExportState, ScheduledExport
from foundation import periods, sealing
from tests.dashboard.console_rights import BUCKET
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
SECRET = "wJalrXUtnFEMI-not-to-be-seen"


@pytest.fixture
def alice() -> House:
    return house("Alice")


def add(client: Client, **over: object) -> ScheduledExport:
    sent = BUCKET | {"secret_access_key": SECRET, "token": "a" * 32, **over}
    answer = client.post("/settings/exports/add/", sent)
    export = ScheduledExport.objects.get()
    assert answer["location"] == f"/settings/exports/{export.public_id}/"
    return export


def text_of(client: Client, path: str) -> str:
    return html.unescape(client.get(path).content.decode())


def test_without_an_export_it_says_what_one_is_for(alice: House) -> None:
    page = text_of(browser(alice.owner), "/settings/exports/")
    assert "No export yet" in page and "/settings/exports/add/" in page


def test_an_export_is_added_as_it_was_asked_for_and_its_secret_never_shown(alice: House) -> None:
    client = browser(alice.owner)
    today = periods.day_of(timezone.now(), alice.organization.zone)
    export = add(client, prefix="books", format="jsonl", first_day=f"{today - timedelta(days=3)}")
    assert (export.bucket, export.region, export.prefix) == ("example-books", "eu-central-1", "books/")
    assert (export.endpoint, export.format) == ("https://s3.eu-central-1.amazonaws.com", "jsonl")
    assert (export.contents, export.next_day) == (["usage", "ledger"], today - timedelta(days=3))
    assert sealing.unseal(export.sealed, django_settings.ENCRYPTION_KEY, export.seal_context) == SECRET
    for path in ("/settings/exports/", f"/settings/exports/{export.public_id}/"):
        page = text_of(client, path)
        assert "s3://example-books/books/" in page and SECRET not in page
    assert SECRET not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("bucket", "No Bucket", "The name of a bucket"),
        ("bucket", "", "Give the name of the bucket."),
        ("endpoint", "http://169.254.169.254", "Endpoint: "),
        ("endpoint", "https://10.0.0.1", "Endpoint: "),
        ("prefix", "../x", "A path such as"),
        ("contents", [], "Choose at least one."),
        ("first_day", "1999-01-01", "until today"),
        ("first_day", "tomorrow", "Write a day such as 2026-11-30."),
    ],
)
def test_what_will_not_do_is_explained_and_the_rest_kept(alice: House, field: str, value: object, said: str) -> None:
    sent = BUCKET | {"secret_access_key": SECRET, "token": "b", field: value}
    answer = browser(alice.owner).post("/settings/exports/add/", sent)
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 422 and "<title>Error: " in page and said in page
    assert 'value="AKIAEXAMPLE"' in page and SECRET not in page
    assert not ScheduledExport.objects.exists()


def test_change_run_switch_key_remove(alice: House) -> None:
    client = browser(alice.owner)
    export = add(client)
    url = f"/settings/exports/{export.public_id}/"
    assert client.post(url, {"contents": ["requests"]})["location"] == url
    assert client.post(f"{url}run/", {})["location"] == url
    file = ExportFile.objects.get()
    assert (file.content, file.day, file.state) == ("requests", exports.newest_day(export), ExportState.PENDING)
    assert "Waiting" in text_of(client, url)
    future = client.post(f"{url}run/", {"day": f"{timezone.now():%Y-%m-%d}"})
    assert future.status_code == 422 and "not over" in future.content.decode()
    sent = {"access_key_id": "AKIAOTHER", "secret_access_key": "other"}
    assert client.post(f"{url}key/", sent)["location"] == url
    assert client.post(f"{url}key/", {"access_key_id": "a b", "secret_access_key": "x"}).status_code == 422
    export.refresh_from_db()
    assert export.access_key_id == "AKIAOTHER"
    assert sealing.unseal(export.sealed, django_settings.ENCRYPTION_KEY, export.seal_context) == "other"
    client.post(f"{url}switch/", {"on": "no"})
    page = text_of(client, url)
    assert "Off" in page and f"{url}run/" not in page
    refused = client.post(f"{url}run/", {})
    assert refused.status_code == 422 and "Switch it on first" in refused.content.decode()
    client.post(f"{url}switch/", {"on": "yes"})
    assert client.get(f"{url}remove/").status_code == 200
    assert client.post(f"{url}remove/")["location"] == "/settings/exports/"
    export.refresh_from_db()
    assert export.removed_at and not export.sealed
    assert client.get(url).status_code == 404


def test_what_fails_is_told_with_the_reason(alice: House) -> None:
    client = browser(alice.owner)
    export = add(client)
    exports.run_now(export, alice.actor)
    ExportFile.objects.filter(content="ledger").update(last_error="The bucket answered 403 <AccessDenied>")
    ExportFile.objects.filter(content="usage").update(state=ExportState.DONE, version=1, rows=1234, size=5, name="x",
                                                      finished_at=timezone.now())  # fmt: skip
    page = text_of(client, f"/settings/exports/{export.public_id}/")
    assert (
        "could not be written: Entries of the ledger" in page
        and "answered 403 <AccessDenied>" in page
        and "1,234" in page
    )
    assert "Failing" in text_of(client, "/settings/exports/")


def test_the_operators_directory_is_shown_and_not_changed(alice: House, tmp_path) -> None:
    export = exports.to_directory(alice.organization, str(tmp_path))
    client, url = browser(alice.owner), f"/settings/exports/{export.public_id}/"
    page = text_of(client, url)
    assert str(tmp_path) in page and "alone changes it" in page
    for verb in ("switch/", "key/", "remove/"):
        assert f"{url}{verb}" not in page
    answers = {client.post(f"{url}{verb}", {"on": "no", "contents": ["usage"]}).status_code
               for verb in ("", "switch/", "key/", "remove/")}  # fmt: skip
    assert answers == {404}
    assert client.post(f"{url}run/", {})["location"] == url
    export.refresh_from_db()
    assert export.is_enabled and len(export.contents) == 3


def test_eleven_are_too_many(alice: House) -> None:
    target = Target("example-books", access_key_id="AKIAEXAMPLE", secret_access_key="x")
    for _ in range(exports.MOST_EXPORTS):
        exports.to_bucket(alice.organization, target, alice.actor)
    client = browser(alice.owner)
    page = text_of(client, "/settings/exports/")
    assert "at most 10 exports" in page and "/settings/exports/add/" not in page
    answer = client.post("/settings/exports/add/", BUCKET | {"token": "c"})
    assert answer.status_code == 422 and "Remove one first" in answer.content.decode()


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_other_roles_see_nothing(alice: House, role: Role) -> None:
    export = add(browser(alice.owner))
    client = browser(alice.member("Bob", role))
    assert "/settings/exports/" not in text_of(client, "/settings/")
    for path in ("", "add/", f"{export.public_id}/", f"{export.public_id}/remove/"):
        assert client.get(f"/settings/exports/{path}").status_code == 403


def test_charlie_finds_nothing(alice: House) -> None:
    export = add(browser(alice.owner))
    client, url = browser(house("Charlie").owner), f"/settings/exports/{export.public_id}/"
    for verb in ("", "switch/", "key/", "run/", "remove/"):
        assert client.post(f"{url}{verb}", {"on": "no"}).status_code == 404
    assert client.get(url).status_code == 404
