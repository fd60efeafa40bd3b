"""The command line against the real server."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import ApiKey, Project
from tests.client.cli import Cli, chat
from tests.databases import using
from tests.running import ROOT, RunningServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
HOSTILE = "bad \x1b[2J\x1b]0;owned\x07 \u202egnp"


def name_of() -> str:
    return f"key {uuid.uuid4().hex[:12]}"


# ---------------------------------------------------------------- logging in


def test_a_log_in_is_kept_for_its_owner_alone(
    meterhouse: Cli, server: RunningServer, known: dict[str, str], tmp_path: Path
) -> None:
    stranger = Cli(tmp_path, {})
    assert "meterhouse login" in stranger("keys", "list", check=3).stderr
    secret = known["METERHOUSE_ADMIN_KEY"]
    stranger("login", server.url, "--key-stdin", typed=f"{secret}\n")
    kept = tmp_path / ".config" / "meterhouse" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert secret not in stranger("whoami").stdout
    assert json.loads(stranger("whoami", "--json").stdout)["url"] == server.url
    kept.chmod(0o644)
    assert "chmod 600" in stranger("whoami", check=3).stderr
    kept.chmod(0o600)
    # The kept key goes to no other server.
    assert "another server" in stranger("whoami", check=3, METERHOUSE_URL="http://127.0.0.1:9").stderr
    stranger("logout")
    assert not kept.exists()
    stranger("whoami", check=3)


def test_a_key_that_cannot_manage_is_not_kept(
    server: RunningServer, known: dict[str, str], meterhouse: Cli, tmp_path: Path
) -> None:
    stranger = Cli(tmp_path, {})
    for key, code in ((known["METERHOUSE_KEY"], 4), ("sk-wrong", 3), ("", 3)):
        stranger("login", server.url, "--key-stdin", typed=f"{key}\n", check=code)
    assert not (tmp_path / ".config").exists()


# ---------------------------------------------------------------- keys


def test_a_secret_is_alone_on_stdout_and_works(meterhouse: Cli, server: RunningServer) -> None:
    name = name_of()
    made = meterhouse("keys", "create", name, "--rpm", "60")
    secret = made.stdout.strip()
    assert secret.startswith("sk-") and "\n" not in secret
    assert secret not in made.stderr and name in made.stderr
    chat(server, secret)
    again = meterhouse("keys", "regenerate", name, "--grace", "1h").stdout.strip()
    assert again != secret
    chat(server, secret)
    assert secret not in meterhouse("keys", "list").stdout
    for verb, status in (("disable", "disabled"), ("enable", "active"), ("revoke", "revoked")):
        assert status in meterhouse("keys", verb, name).stdout
    assert json.loads(meterhouse("keys", "create", name_of(), "--json").stdout)["secret"].startswith("sk-")


def test_what_is_wrong_is_said_with_its_exit_code(meterhouse: Cli) -> None:
    meterhouse("keys", "revoke", "key_doesnotexist", check=5)
    meterhouse("keys", "revoke", "no such name", check=5)
    refused = meterhouse("keys", "create", name_of(), "--model", "nothing", "--network", "nowhere", check=9)
    assert "nothing" in refused.stderr
    meterhouse("keys", check=2)
    said = json.loads(meterhouse("limits", "remove", "lim_doesnotexist", "--json", check=5).stderr)
    assert said["error"]["exit"] == 5 and said["error"]["code"] == "not_found"
    meterhouse("whoami", check=3, METERHOUSE_ADMIN_KEY="sk-wrong")
    refused = meterhouse("whoami", check=8, METERHOUSE_URL="http://127.0.0.1:9")
    assert "Nothing listens" in refused.stderr
    # A server without TLS, asked with TLS.
    port = meterhouse.environment["METERHOUSE_URL"].rpartition(":")[2]
    assert "TLS" in meterhouse("whoami", check=8, METERHOUSE_URL=f"https://127.0.0.1:{port}").stderr


def test_a_name_means_the_key_that_lives(
    meterhouse: Cli, server: RunningServer, django_db_blocker: DjangoDbBlocker
) -> None:
    name, other = name_of(), name_of()
    meterhouse("keys", "create", name)
    meterhouse("keys", "revoke", name)
    meterhouse("keys", "create", name)
    assert "is disabled" in meterhouse("keys", "disable", name).stdout
    meterhouse("keys", "create", other)
    with django_db_blocker.unblock(), using(server.database_url):
        key = ApiKey.objects.get(name=other)
        elsewhere = Project.objects.create(organization=key.organization, name=name_of())
        ApiKey.objects.filter(pk=key.pk).update(name=name, project=elsewhere)
    assert "2 keys" in meterhouse("keys", "revoke", name, check=6).stderr


def test_no_name_moves_the_cursor(meterhouse: Cli, server: RunningServer, django_db_blocker: DjangoDbBlocker) -> None:
    """Whatever came into the database, by whatever way."""
    secret = meterhouse("keys", "create", name_of()).stdout.strip()
    chat(server, secret)
    with django_db_blocker.unblock(), using(server.database_url):
        key = ApiKey.objects.latest("pk")
        ApiKey.objects.filter(pk=key.pk).update(name=HOSTILE)
    by_key = ("usage", "--by", "key")
    for arguments in (("keys", "list"), by_key, (*by_key, "--plot"), ("requests", "list")):
        for more in ((), ("--json",)):
            done = meterhouse(*arguments, *more)
            assert not [one for one in done.stdout + done.stderr if not one.isprintable() and one != "\n"], arguments
    assert "\\x1b[2J" in meterhouse("keys", "list").stdout
    assert json.loads(meterhouse("keys", "list", "--json").stdout)["data"][0]["name"] == HOSTILE


def test_a_list_of_ten_thousand_is_whole(
    meterhouse: Cli, server: RunningServer, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), using(server.database_url):
        known = ApiKey.objects.visible().latest("pk")
        # In a project of their own: one that people fill has room for fewer.
        project = Project.objects.create(organization=known.organization, name=name_of())
        by = known.created_by
        ApiKey.objects.bulk_create(
            (
                ApiKey(organization_id=project.organization_id, project=project, name=f"many {number}", created_by=by)
                for number in range(10_000)
            ),
            batch_size=1000,
        )
        visible = ApiKey.objects.visible().filter(project=project)
        expected = set(visible.values_list("name", flat=True))
    done = meterhouse("keys", "list", "--project", project.public_id, "--json")
    found = json.loads(done.stdout)["data"]
    assert len({one["id"] for one in found}) == len(found) == 10_000
    assert {one["name"] for one in found} == expected
    first = subprocess.run(
        f"{subprocess.list2cmdline([*meterhouse.command, 'keys', 'list', '--status', 'revoked'])} | head -n 1",
        shell=True, env=meterhouse.known, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in first.stderr and "Broken" not in first.stderr


# ---------------------------------------------------------------- usage and limits


def test_usage_is_that_of_the_api(meterhouse: Cli, server: RunningServer, known: dict[str, str]) -> None:
    chat(server, known["METERHOUSE_KEY"])
    report = json.loads(meterhouse("usage", "--by", "model", "--json").stdout)
    shown = meterhouse("usage", "--by", "model").stdout
    for group in report["groups"]:
        assert f"${group['cost']}" in shown and f"{group['requests']:,}" in shown
    assert f"${report['totals']['cost']}" in shown.splitlines()[-1]
    assert "Keys of projects" in meterhouse("usage", "--by", "member").stdout
    assert meterhouse("usage", "--member", "user_nobody", check=5).stdout == ""
    for what in ("cost", "tokens", "requests"):
        drawn = meterhouse("usage", "--plot", "--show", what, "--width", "60").stdout
        assert "█" in drawn and "\x1b" not in drawn
        assert max(len(line) for line in drawn.splitlines()) <= 60
    [newest] = meterhouse("requests", "list", "--lines", "1").stdout.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 200 ", newest)
    ascii_only = meterhouse("usage", "--plot", LANG="C", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ascii_only.stdout


def test_a_limit_is_set_once_and_then_changed(meterhouse: Cli) -> None:
    name = name_of()
    meterhouse("keys", "create", name)
    first = json.loads(meterhouse("limits", "set", "5.00", "--key", name, "--json").stdout)
    second = json.loads(meterhouse("limits", "set", "7.5", "--key", name, "--alert-at", "80", "--json").stdout)
    assert first["id"] == second["id"]
    assert (second["amount"], second["thresholds"]) == ("7.50", [80])
    shown = meterhouse("limits", "list", "--key", name).stdout
    assert "$7.50/month" in shown and re.search(r"\d\d:\d\d[+-]\d\d:\d\d$", shown, re.MULTILINE)
    meterhouse("limits", "remove", first["id"])
    meterhouse("limits", "remove", first["id"], check=5)


# ---------------------------------------------------------------- watching


def test_tail_shows_every_request_once(meterhouse: Cli, server: RunningServer, known: dict[str, str]) -> None:
    chat(server, known["METERHOUSE_KEY"])
    watching = meterhouse.start("requests", "tail", "--json", "-n", "1", "--interval", "0.2")
    assert watching.stdout
    try:
        watching.stdout.readline()
        sent = [chat(server, known["METERHOUSE_KEY"]) for _ in range(25)]
        seen = [json.loads(watching.stdout.readline())["id"] for _ in sent]
        assert seen == sent
        time.sleep(1)
    finally:
        watching.send_signal(signal.SIGINT)
        rest, said = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert rest == "" and "Traceback" not in said


# ---------------------------------------------------------------- ways to get it


def test_the_server_gives_out_the_file_that_is_tested(meterhouse: Cli, server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/docs/meterhouse.pyz", timeout=60) as answer:
        assert answer.read() == meterhouse.file.read_bytes()
    for command in ([str(ROOT / "script/meterhouse")], [sys.executable, "-m", "client"]):
        done = subprocess.run(
            [*command, "whoami"],
            cwd=ROOT,
            env={**meterhouse.known, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert not os.access(meterhouse.folder / ".config", os.F_OK)
