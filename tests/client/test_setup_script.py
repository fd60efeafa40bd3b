"""docs/setup.sh: an organization from nothing with curl alone, run again, and killed in the middle."""

import json
import os
import shutil
import signal
import stat
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts import keys
from accounts.actor import Actor
from accounts.keys import Restrictions
from accounts.models import Membership
from accounts.roles import Role, Scope
from tests.client.cli import chat
from tests.client.lossy import Wire
from tests.conftest import ServerFactory
from tests.databases import using
from tests.running import ROOT, RunningServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.timeout(900),
]
SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


class Setup:
    """The script with a server, a folder and everything set that can be set."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        """With a key that the owner made: invitations need somebody who stands for them."""
        self.server = server
        self.folder = folder
        with using(server.database_url):
            owner = Membership.objects.get(organization__name="Meterhouse", role=Role.OWNER)
            project = owner.organization.projects.get()
            manages = Restrictions(scopes=(Scope.MANAGEMENT,))
            self.admin = keys.create(project, "setup", Actor(owner.user), owner=None, restrictions=manages).secret
        self.code = server.manage("create_codes", "--amount", "5").strip()

    def start(self, url: str = "", shell: str = "sh") -> "subprocess.Popen[str]":
        command = [shell, "sh"] if shell == "busybox" else [shell]
        return subprocess.Popen(
            [*command, str(ROOT / "docs" / "setup.sh")],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "METERHOUSE_URL": url or self.server.url,
                "METERHOUSE_ADMIN_KEY": self.admin,
                "ORGANIZATION": 'North "wind" \\ & Söhne',
                "TIME_ZONE": "Europe/Berlin",
                "INVITE": "dev@example.com other@example.com",
                "NETWORKS": "127.0.0.0/8 ::1/128",
                "WEBHOOK_URL": "https://example.com/hooks",
                "CREDIT_CODE": self.code,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, shell: str = "sh") -> str:
        process = self.start(shell=shell)
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        assert self.admin not in said
        return said

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}/api/v1{path}", headers={"Authorization": f"Bearer {self.admin}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def check(self) -> None:
        """Everything is there, once, and the secrets work."""
        assert self.get("/organization")["name"] == 'North "wind" \\ & Söhne'
        projects = {one["name"] for one in self.get("/projects?limit=100")["data"]}
        assert {"website", "research"} <= projects
        active = self.get("/keys?limit=100&status=active")["data"]
        assert sorted(one["name"] for one in active) == ["first-key", "reports", "setup", "website"]
        website = next(one for one in active if one["name"] == "website")
        assert website["allowed_networks"] == ["127.0.0.0/8", "::1/128"]
        assert (website["scopes"], website["requests_per_minute"]) == (["chat"], 60)
        invited = [one["email"] for one in self.get("/invitations")["data"]]
        assert sorted(invited) == ["dev@example.com", "other@example.com"]
        limits = self.get("/limits")["data"]
        assert [(one["amount"], one["thresholds"]) for one in limits] == [("50.00", [50, 80, 100])]
        assert len(self.get("/webhooks")["data"]) == 1
        assert len([one for one in self.get("/grants?limit=100")["data"] if one["amount"] == "5.00"]) == 1
        made = self.folder / "meterhouse-setup"
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        for path in made.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        chat(self.server, (made / "website.key").read_text().strip())
        assert (made / "webhook.secret").read_text().startswith("whsec_")
        assert not (made / "run").exists()


@pytest.fixture
def setup(server_factory: ServerFactory, tmp_path: Path, django_db_blocker: DjangoDbBlocker, settings: Any) -> Setup:
    with django_db_blocker.unblock():
        return Setup(server_factory(KEY_PEPPER=settings.KEY_PEPPER), tmp_path)


def test_it_sets_up_an_organization_and_changes_nothing_the_second_time(setup: Setup) -> None:
    said = setup.run(SHELLS[0])
    assert "redeemed before" not in said and "first call" in said
    setup.check()
    files = {path.name: path.read_text() for path in (setup.folder / "meterhouse-setup").iterdir()}
    again = setup.run(SHELLS[-1])
    assert "redeemed before" in again and "as it was" in again
    assert {path.name: path.read_text() for path in (setup.folder / "meterhouse-setup").iterdir()} == files
    setup.check()
    # Somebody lost the secrets: there are new ones, for the same keys.
    shutil.rmtree(setup.folder / "meterhouse-setup")
    setup.run()
    setup.check()


def test_killed_anywhere_it_goes_on_where_it_was(setup: Setup) -> None:
    """With the request that the server had not seen yet, and with the answer that was lost."""
    running: list[subprocess.Popen[str]] = []

    def kill(what: str) -> str:
        os.killpg(running[-1].pid, signal.SIGKILL)
        return what

    for last in (4, 7, 10, 14, 17, 21, 24):
        lossy = Wire(
            setup.server.url,
            lambda method, path, number, last=last: "pass" if number < last else kill("end" if last % 2 else "lose"),  # type: ignore[misc]
        )
        running.append(setup.start(lossy.url))
        running[-1].communicate(timeout=600)
        lossy.close()
    assert any(one.returncode == -signal.SIGKILL for one in running)
    setup.run()
    setup.check()
