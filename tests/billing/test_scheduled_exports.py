"""Files of each day: complete, once, exactly the day's numbers, and again when the day has changed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import close_old_connections
from django.utils import timezone

from accounts.models import AuditEntry, Organization
from billing import exports, grants
from billing.exporting import places
from billing.exporting.running import LEASE, export_due, manifest_name
from billing.exports import Target
from billing.models import ExportFile, ExportState, ScheduledExport
from foundation.money import NANO, usd_string
from tests.billing.bucket import KEY_ID, REGION, SECRET, BucketServer
from tests.billing.desk import admitted, ask
from tests.billing.reporter import COST, price_the_past, report, usage, void
from tests.dashboard.metered import record, request_of
from tests.people import house
from tests.running import ROOT

pytestmark = pytest.mark.database
DAY = timedelta(days=1)
# Three hours of the day are over, so that nothing below lies ahead of the clock.
TODAY = (datetime.now(UTC) - timedelta(hours=3)).date()
YESTERDAY = TODAY - DAY
# At noon of yesterday, and when that day is over for certain.
NOON = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, 12, tzinfo=UTC)
LATER = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(hours=3)


@pytest.fixture(autouse=True)
def to_this_machine(settings):
    settings.EXPORTS_ALLOW_PRIVATE = True


@pytest.fixture
def bucket():
    server = BucketServer()
    yield server
    server.close()


@pytest.fixture
def alice(db):
    return house(rpm=10_000_000)


def retried():
    """When a file that failed once is due again, and no other day is over."""
    ExportFile.objects.filter(state=ExportState.PENDING).update(next_attempt_at=LATER)
    return LATER


def target(server: BucketServer, /, **over: str) -> Target:
    asked = {
        "bucket": "books",
        "region": REGION,
        "endpoint": server.url,
        "prefix": "meterhouse/",
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
    }
    return Target(**{**asked, **over})


def to_bucket(alice, bucket, **over):
    return exports.to_bucket(alice.organization, target(bucket), alice.actor, first_day=YESTERDAY, **over)


def used(alice, count=5, at=NOON):
    """Requests of yesterday, of which each costs something else; the sum in nano-USD."""
    key, _ = alice.key(f"key {at:%d %H %M}")
    events = [request_of(key, at + timedelta(seconds=n), charge=217_001 + n) for n in range(count)]
    record(*events)
    return sum(event.charge for event in events)


def by_hand(alice, what, format_="csv", day=YESTERDAY):
    """The export of that day as the REST API sends it."""
    from django.test import Client  # noqa: PLC0415

    client = Client()
    client.force_login(alice.owner, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"/api/v1/exports/{what}?from={day}&to={day}&format={format_}")
    return b"".join(answer.streaming_content)


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_each_file_is_the_days_export_with_its_sums(alice, tmp_path, format_):
    charged = used(alice)
    grants.give(alice.organization, 5 * NANO)
    exports.to_directory(alice.organization, str(tmp_path), format_=format_, first_day=YESTERDAY)
    assert export_due(LATER) == 3
    folder = tmp_path / alice.organization.public_id
    for what in ("usage", "requests", "ledger"):
        path = folder / what / f"{YESTERDAY}.{format_}"
        content = path.read_bytes()
        assert content == by_hand(alice, what, format_)
        told = json.loads(Path(manifest_name(str(path))).read_text())
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert told["bytes"] == len(content)
        assert (told["version"], told["day"], told["time_zone"]) == (1, str(YESTERDAY), "UTC")
        lines = content.count(b"\n") - (1 if format_ == "csv" else 0)
        assert told["rows"] == lines
        if what != "ledger":
            assert told["sums"]["cost"] == usd_string(charged)
    assert (
        json.loads(Path(manifest_name(str(folder / "usage" / f"{YESTERDAY}.{format_}"))).read_text())["sums"][
            "requests"
        ]
        == 5
    )
    assert not list(folder.rglob(".*")), "nothing half is left"
    assert export_due(LATER) == 0, "once a day"


def test_a_bucket_takes_signed_objects_whole_or_in_parts(alice, bucket, monkeypatch):
    used(alice, 50)
    to_bucket(alice, bucket, contents=["usage"])
    assert export_due(LATER) == 1
    monkeypatch.setattr(places, "PART", 1000)
    to_bucket(alice, bucket, contents=["requests"])
    assert export_due(LATER) == 1
    prefix = f"/books/meterhouse/{alice.organization.public_id}"
    for what in ("usage", "requests"):
        assert bucket.objects[f"{prefix}/{what}/{YESTERDAY}.csv"] == by_hand(alice, what)
        assert f"{prefix}/{what}/{YESTERDAY}.csv.manifest.json" in bucket.objects
    assert len(bucket.objects[f"{prefix}/requests/{YESTERDAY}.csv"]) > 5000
    assert set(bucket.puts.values()) == {1}
    assert not bucket.uploads


def test_a_day_is_written_when_it_is_over_and_not_before(alice, tmp_path):
    used(alice)
    exports.to_directory(alice.organization, str(tmp_path), contents=["usage"], first_day=YESTERDAY)
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    assert export_due(midnight - timedelta(seconds=1)) == 0
    assert export_due(midnight + timedelta(minutes=5)) == 0
    assert export_due(LATER) == 1


def test_requests_that_are_under_way_are_waited_for(alice, tmp_path):
    from billing.models import Hold  # noqa: PLC0415
    from tests.billing.desk import serve_all_models  # noqa: PLC0415

    serve_all_models()
    grants.give(alice.organization, NANO)
    admitted(ask(*alice.key()))
    Hold.objects.update(admitted_at=NOON)
    exports.to_directory(alice.organization, str(tmp_path), contents=["usage"], first_day=YESTERDAY)
    assert export_due(LATER) == 0
    Hold.objects.update(state="released")
    assert export_due(LATER) == 1


# ---------------------------------------------------------------- days that change


def test_usage_that_arrives_late_writes_its_day_again(alice, tmp_path):
    price_the_past()
    grants.give(alice.organization, NANO)
    charged = used(alice)
    export = exports.to_directory(alice.organization, str(tmp_path), first_day=YESTERDAY)
    export_due(LATER)
    report(alice, usage(id="late", at=NOON))
    assert export_due(LATER) == 2, "usage and requests; the ledger has it today"
    path = tmp_path / alice.organization.public_id / "usage" / f"{YESTERDAY}.csv"
    told = json.loads(Path(manifest_name(str(path))).read_text())
    assert (told["version"], told["sums"]["requests"], told["sums"]["cost"]) == (2, 6, usd_string(charged + COST))
    assert path.read_bytes() == by_hand(alice, "usage")
    report(alice, void("late"))
    assert export_due(LATER) == 2
    told = json.loads(Path(manifest_name(str(path))).read_text())
    assert (told["version"], told["sums"]["cost"]) == (3, usd_string(charged))
    versions = dict(ExportFile.objects.filter(export=export).values_list("content", "version"))
    assert versions == {"usage": 3, "requests": 3, "ledger": 1}
    assert export_due(LATER) == 0


def test_what_arrives_while_a_file_is_written_is_not_missed(alice, bucket):
    price_the_past()
    grants.give(alice.organization, NANO)
    used(alice)
    to_bucket(alice, bucket, contents=["usage"])
    begun = threading.Event()

    def fail(number, method, path):
        if not begun.is_set():
            begun.set()
            report(alice, usage(id="meanwhile", at=NOON))

    # In the server's thread on a connection of its own, the test's data could not be seen: so before the answer.
    original = places.InBucket.put

    def put(self, *args):
        fail(0, "", "")
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places.InBucket, "put", put)
        assert export_due(LATER) == 1
        assert ExportFile.objects.get().state == ExportState.PENDING
        assert export_due(retried()) == 1
    [content] = [one for name, one in bucket.objects.items() if name.endswith(".csv")]
    assert content == by_hand(alice, "usage")


def test_another_zone_writes_every_day_again(alice, tmp_path):
    used(alice, at=NOON + timedelta(hours=10))
    export = exports.to_directory(alice.organization, str(tmp_path), contents=["requests"], first_day=YESTERDAY)
    export_due(LATER)
    Organization.objects.filter(pk=alice.organization.pk).update(time_zone="America/New_York")
    export_due(LATER + DAY)
    alice.organization.refresh_from_db()
    for file in ExportFile.objects.filter(export=export):
        assert file.time_zone == "America/New_York"
        path = tmp_path / file.name
        assert path.read_bytes() == by_hand(alice, "requests", day=file.day)


# ---------------------------------------------------------------- what goes wrong


def test_a_day_that_has_not_ended_yet_in_another_zone_is_waited_for(alice, tmp_path):
    Organization.objects.filter(pk=alice.organization.pk).update(time_zone="Pacific/Kiritimati")
    exports.to_directory(alice.organization, str(tmp_path), contents=["usage"], first_day=YESTERDAY)
    used(alice, 3, NOON - timedelta(hours=4))
    assert export_due(NOON + timedelta(hours=3)) == 1
    Organization.objects.filter(pk=alice.organization.pk).update(time_zone="Pacific/Honolulu")
    assert export_due(NOON + timedelta(hours=4)) == 0, "in Honolulu this day has begun six hours ago"
    charged = used(alice, 2, NOON + timedelta(hours=8))
    assert export_due(NOON + timedelta(hours=26)) == 1
    path = tmp_path / alice.organization.public_id / "usage" / f"{YESTERDAY}.csv.manifest.json"
    told = json.loads(path.read_text())
    assert (told["time_zone"], told["sums"]["cost"]) == ("Pacific/Honolulu", usd_string(charged))


def test_a_bucket_that_fails_is_tried_again_later(alice, bucket):
    used(alice)
    export = to_bucket(alice, bucket)
    bucket.fail = lambda number, method, path: 503
    assert export_due(LATER) == 0
    assert bucket.requests == 1, "what one file meets, the next will too"
    [failed] = ExportFile.objects.filter(export=export).exclude(last_error="")
    assert "503" in failed.last_error and "SlowDown" in failed.last_error
    assert failed.state == ExportState.PENDING and failed.next_attempt_at > timezone.now()
    bucket.fail = lambda number, method, path: None
    assert export_due(LATER) == 2, "the one that failed waits a minute"
    assert export_due(retried()) == 1
    assert set(bucket.puts.values()) == {1}


def test_parts_of_an_interrupted_upload_are_cleared_away(alice, bucket, monkeypatch):
    monkeypatch.setattr(places, "PART", 1000)
    used(alice, 50)
    export = to_bucket(alice, bucket, contents=["requests"])
    bucket.fail = lambda number, method, path: "drop" if "partNumber=3" in path else None
    assert export_due(LATER) == 0
    assert len(bucket.uploads) == 1 and not bucket.objects
    bucket.fail = lambda number, method, path: None
    assert export_due(retried()) == 1
    assert not bucket.uploads
    assert ExportFile.objects.get(export=export).upload == ""


def test_a_wrong_secret_is_said(alice, bucket):
    used(alice)
    exports.to_bucket(alice.organization, target(bucket, secret_access_key="wrong"), alice.actor, first_day=YESTERDAY)
    assert export_due(LATER) == 0
    assert ExportFile.objects.filter(last_error__contains="SignatureDoesNotMatch").exists()
    assert not bucket.objects


def test_our_own_network_is_refused_when_it_is_set_and_when_it_is_called(alice, bucket, settings):
    export = to_bucket(alice, bucket)
    settings.EXPORTS_ALLOW_PRIVATE = False
    assert export_due(LATER) == 0
    assert bucket.requests == 0
    assert "private" in ExportFile.objects.filter(export=export).exclude(last_error="").get().last_error
    for endpoint in (bucket.url, "https://169.254.169.254", "https://localhost", "https://2130706433", "http://example.com",
                     "https://user:pw@example.com", "https://example.com/path", "ftp://example.com"):  # fmt: skip
        with pytest.raises(ValidationError) as refused:
            exports.to_bucket(alice.organization, target(bucket, endpoint=endpoint), alice.actor)
        assert "endpoint" in refused.value.message_dict, endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prefix", "../other/"),
        ("prefix", "/absolute"),
        ("prefix", "a//b"),
        ("prefix", "a\nb"),
        ("bucket", "A"),
        ("bucket", "a/b"),
        ("bucket", "../x"),
        ("region", "eu west"),
        ("access_key_id", "a/b"),
        ("access_key_id", "a\r\nx: y"),
        ("secret_access_key", ""),
    ],
)
def test_what_is_written_wrongly_is_refused(alice, bucket, name, value):
    with pytest.raises(ValidationError) as refused:
        exports.to_bucket(alice.organization, target(bucket, **{name: value}), alice.actor)
    assert name in refused.value.message_dict


def test_the_secret_is_sealed_and_in_no_record(alice, bucket):
    export = to_bucket(alice, bucket)
    assert SECRET not in export.sealed
    assert not AuditEntry.objects.filter(changes__icontains=SECRET).exists()
    exports.remove(export, alice.actor)
    export.refresh_from_db()
    assert export.sealed == ""
    assert export_due(LATER) == 0
    assert [entry.action for entry in AuditEntry.objects.filter(object_id=export.public_id).order_by("pk")] == [
        "export.created", "export.removed",
    ]  # fmt: skip


def test_switched_off_it_writes_nothing_and_later_what_was_left(alice, bucket):
    export = to_bucket(alice, bucket, contents=["usage"])
    exports.change(export, alice.actor, enabled=False)
    assert export_due(LATER) == 0
    exports.change(export, alice.actor, enabled=True)
    assert export_due(LATER + DAY) == 2


def test_run_now_writes_a_day_again(alice, tmp_path):
    export = exports.to_directory(alice.organization, str(tmp_path), contents=["usage"])
    day = TODAY - 3 * DAY
    [file] = exports.run_now(export, alice.actor, day)
    assert export_due() == 1
    exports.run_now(export, alice.actor, day)
    assert export_due() == 1
    file.refresh_from_db()
    assert (file.state, file.version, file.day) == ("done", 2, day)
    with pytest.raises(ValidationError):
        exports.run_now(export, alice.actor, TODAY + DAY)


def test_an_operators_command_sets_a_directory(alice, tmp_path, capsys):
    asked = ("export_daily", "--organization", alice.organization.public_id, "--directory")
    call_command(*asked, str(tmp_path), "--skip-checks")
    assert "from" in capsys.readouterr().out
    for wrong in (str(tmp_path), "relative", str(tmp_path / "not there")):
        with pytest.raises(CommandError):
            call_command(*asked, wrong, "--skip-checks")
    call_command(*asked, str(tmp_path), "--remove", "--skip-checks")
    assert not ScheduledExport.objects.not_removed().exists()


# ---------------------------------------------------------------- several at once, and killed


def test_several_processes_write_each_file_once(own_database, bucket):
    alice = house()
    used(alice)
    to_bucket(alice, bucket)
    bucket.fail = lambda number, method, path: time.sleep(0.1)

    def run():
        export_due(LATER)
        close_old_connections()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bucket.puts) == 6
    assert set(bucket.puts.values()) == {1}


@pytest.mark.timeout(600)
def test_killed_in_the_middle_it_is_written_by_the_next(own_database, bucket, monkeypatch):
    """One whole object, nothing left behind."""
    alice = house()
    used(alice, 50)
    export = to_bucket(alice, bucket, contents=["requests"])
    reached = threading.Event()

    def fail(number, method, path):
        if "partNumber=2" in path and not reached.is_set():
            reached.set()
            time.sleep(120)

    bucket.fail = fail
    code = (
        "import django; django.setup(); from datetime import datetime; from billing.exporting import places, running; "
        f"places.PART = 1000; running.export_due(datetime.fromisoformat('{LATER.isoformat()}'))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": own_database,
            "ENCRYPTION_KEY": django_settings.ENCRYPTION_KEY,
            "EXPORTS_ALLOW_PRIVATE": "1",
        },
    )
    assert reached.wait(300)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert not bucket.objects and len(bucket.uploads) == 1
    monkeypatch.setattr(places, "PART", 1000)
    assert export_due(LATER) == 0, "the claim of the dead still stands"
    claimed = ExportFile.objects.exclude(claimed_until=None)
    assert claimed.get().claimed_until <= timezone.now() + LEASE
    # Time passes; a day more would be over by then at some hours.
    assert claimed.update(claimed_until=LATER) == 1
    assert export_due(LATER) == 1
    assert not bucket.uploads
    [content] = [one for name, one in bucket.objects.items() if name.endswith(".csv")]
    file = ExportFile.objects.get(export=export)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.state, file.rows, file.version) == ("done", 50, 1)
