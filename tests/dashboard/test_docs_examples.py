"""Every block of code in the documentation runs unchanged against a running server."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from billing import opening
from dashboard.docs_markdown import EXAMPLES
from foundation import webhook_signature
from tests.conftest import ServerFactory
from tests.dashboard.docs_examples import Example, examples, holds, json_of, run, secrets, shape
from tests.databases import using
from tests.running import ROOT, RunningServer

pytestmark = pytest.mark.server
WEBHOOK_SECRET = "whsec_YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMuLi4="


@pytest.fixture(scope="module")
def known(server: RunningServer) -> dict[str, str]:
    """The keys of a reader."""
    return secrets(server)


@pytest.fixture(scope="module")
def found(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> list[Example]:
    with django_db_blocker.unblock(), using(server.database_url):
        opening.seed_if_empty()
        return [example.at(server.url) for example in examples()]


def of(found: list[Example], language: str) -> list[Example]:
    chosen = [one for one in found if one.language == language and one.page != "self-hosting"]
    assert chosen
    return chosen


@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_every_example_runs(
    language: str, found: list[Example], server: RunningServer, known: dict[str, str], tmp_path: Path
) -> None:
    for example in of(found, language):
        run(example, server, known, tmp_path)


def test_every_line_for_an_operator_runs(
    found: list[Example], server: RunningServer, server_factory: ServerFactory, tmp_path: Path
) -> None:
    """On a server of its own: afterwards its models are somewhere else."""
    own = server_factory()
    for example in found:
        if example.page == "self-hosting" and not example.code.startswith("script/server"):
            assert example.language == "sh"
            run(example.moved(server.url, own.url), own, {}, tmp_path)


def test_every_block_is_run_or_checked(found: list[Example]) -> None:
    """Whoever adds a language says here how it is tested."""
    assert {example.language for example in found} == {*EXAMPLES, "json", "http"}
    assert [example.page for example in found if example.language == "http"] == ["webhooks"]


def test_an_answer_that_is_shown_is_an_answer_that_is_given(
    found: list[Example], server: RunningServer, known: dict[str, str], tmp_path: Path
) -> None:
    checked = 0
    for before, example in itertools.pairwise(found):
        if example.language != "json" or example.page == "errors":
            continue
        assert before.language == "sh", f"{example} stands after nothing that gives it"
        given = json_of(run(before, server, known, tmp_path))
        assert holds(shape(given), shape(json_of(example.code))), (given, example.code)
        checked += 1
    assert checked == 2


def test_the_error_that_is_shown_is_the_error_that_is_given(
    found: list[Example], server: RunningServer, known: dict[str, str], tmp_path: Path
) -> None:
    (shown,) = [json_of(one.code)["error"] for one in found if one.page == "errors" and one.language == "json"]
    (example,) = [one for one in found if one.page == "errors" and one.language == "python"]
    printed = run(example, server, known, tmp_path)
    assert printed.startswith(f"404 {shown['code']} ")
    assert shown["message"] in printed


def test_the_webhook_that_is_shown_is_signed(found: list[Example], server: RunningServer, tmp_path: Path) -> None:
    (shown,) = [one.code for one in found if one.language == "http"]
    head, _, body = shown.strip().partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    signed = webhook_signature.sign(
        headers["webhook-id"], int(headers["webhook-timestamp"]), body.encode(), [WEBHOOK_SECRET]
    )
    assert headers["webhook-signature"] == signed
    for example in found:
        if example.page == "webhooks" and example.language in ("python", "js"):
            assert run(example, server, {}, tmp_path).strip().lower() == "true"
            forged = Example("webhooks", 99, example.language, example.code.replace("limit.reached", "limit.reachéd"))
            if example.language == "js":
                assert run(forged, server, {}, tmp_path).strip() == "false"


def test_the_line_that_starts_an_instance_starts_one(found: list[Example], tmp_path: Path) -> None:
    (example,) = [one for one in found if one.code.startswith("script/server")]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    more = {"DATA_DIR": str(tmp_path / "data"), "STATIC_ROOT": str(tmp_path / "static"), "PORT": "0"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {example.code.strip()}"],
            cwd=ROOT,
            env={**kept, **more, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 90
        while "Meterhouse is at" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    printed = (tmp_path / "log").read_text()
    assert "API key" in printed
    assert "curl" in printed
