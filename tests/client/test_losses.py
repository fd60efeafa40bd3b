"""Answers that get lost, a server that is busy or dies: nothing happens twice, and everything is said."""

import json
import uuid
from collections.abc import Callable

import pytest

from tests.client.cli import Cli, chat
from tests.client.lossy import Fate, Wire
from tests.conftest import ServerFactory
from tests.dashboard.docs_examples import secrets
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
MakeWire = Callable[[Fate], Wire]


def test_a_key_whose_answer_is_lost_is_made_once(meterhouse: Cli, wire: MakeWire) -> None:
    lossy = wire(lambda method, path, number: {1: "lose", 2: "half"}.get(number, "pass"))
    name = f"lost {uuid.uuid4().hex[:8]}"
    secret = meterhouse("keys", "create", name, METERHOUSE_URL=lossy.url).stdout.strip()
    assert len(lossy.sent) == 3
    assert len({key for _, _, key in lossy.sent}) == 1
    made = [one for one in json.loads(meterhouse("keys", "list", "--json").stdout)["data"] if one["name"] == name]
    assert len(made) == 1
    assert secret.endswith(made[0]["hint"][-4:])


def test_a_removal_whose_answer_is_lost_is_done(meterhouse: Cli, wire: MakeWire) -> None:
    limit = json.loads(meterhouse("limits", "set", "9", "--window", "week", "--json").stdout)
    lossy = wire(lambda method, path, number: "lose" if number == 1 else "pass")
    meterhouse("limits", "remove", limit["id"], METERHOUSE_URL=lossy.url)
    meterhouse("limits", "remove", limit["id"], check=5)


def test_a_busy_server_is_waited_for(meterhouse: Cli, wire: MakeWire) -> None:
    lossy = wire(lambda method, path, number: "busy" if number < 3 else "pass")
    done = meterhouse("whoami", METERHOUSE_URL=lossy.url)
    assert done.stderr.count("waiting 1 s") == 2


def test_a_list_whose_server_ends_in_the_middle_fails_and_says_so(meterhouse: Cli, wire: MakeWire) -> None:
    for _ in range(3):
        meterhouse("keys", "create", f"k {uuid.uuid4().hex[:8]}")
    lossy = wire(lambda method, path, number: "end" if "cursor" in path or number > 1 else "pass")
    done = meterhouse("limits", "set", "1", "--key", "no such name", check=None, METERHOUSE_URL=lossy.url)
    assert done.returncode in (5, 8)
    ended = wire(lambda method, path, number: "end")
    done = meterhouse("keys", "list", "--json", check=8, METERHOUSE_URL=ended.url)
    assert done.stdout == "", "half a list is no list"


def test_tail_outlives_a_server_that_was_killed(
    server_factory: ServerFactory, meterhouse: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own: RunningServer = server_factory()
    known = secrets(own)
    cli = Cli(
        tmp_path_factory.mktemp("own"),
        {"METERHOUSE_URL": own.url, "METERHOUSE_ADMIN_KEY": known["METERHOUSE_ADMIN_KEY"]},
    )
    from_before = chat(own, known["METERHOUSE_KEY"])
    watching = cli.start("requests", "tail", "--json", "--interval", "0.3")
    assert watching.stdout
    try:
        assert json.loads(watching.stdout.readline())["id"] == from_before
        own.kill()
        own.start()
        sent = [chat(own, known["METERHOUSE_KEY"]) for _ in range(3)]
        assert [json.loads(watching.stdout.readline())["id"] for _ in sent] == sent
    finally:
        watching.terminate()
        watching.communicate(timeout=60)
