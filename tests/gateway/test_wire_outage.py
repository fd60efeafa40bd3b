"""The database goes away while requests are under way: nobody gets a free answer, and no answer goes unrecorded."""

import pytest
from django.db import OperationalError

from billing import batch
from billing.models import Hold
from gateway.answer import ChunkWriter
from tests.gateway.test_wire import TEXT, World, events, world  # noqa: F401
from tests.waiting import until
from usage.models import UsageEvent

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def spool_folder(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    return tmp_path / "spool"


class Outage:
    """A database that refuses settlements, or everything."""

    def __init__(self, monkeypatch) -> None:
        self.of_settlements = False
        self.of_everything = False
        real = batch.run

        def run(asks, outcomes, *args, **named):
            if self.of_everything or (self.of_settlements and outcomes):
                raise OperationalError("the connection is closed")
            return real(asks, outcomes, *args, **named)

        monkeypatch.setattr(batch, "run", run)


@pytest.fixture
def outage(monkeypatch):
    return Outage(monkeypatch)


def recorded(number: int) -> bool:
    return until(lambda: UsageEvent.objects.count() == number)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_complete_and_recorded_once_the_database_is_back(world, outage, stream, spool_folder):  # noqa: F811
    outage.of_settlements = True
    answer = world.ask("hello", stream=stream)
    assert answer.status_code == 200
    if stream:
        assert events(answer)[-1] == "[DONE]"
    else:
        assert answer.json()["choices"][0]["message"]["content"] == TEXT
    assert not UsageEvent.objects.exists()
    [file] = spool_folder.glob("*.jsonl")
    # What waits on the disk has no secret in it.
    assert b"sk-upstream-secret" not in file.read_bytes()
    outage.of_settlements = False
    assert recorded(1)
    event = world.event()
    assert event.request_id == answer.headers["x-request-id"]
    assert (event.output_tokens, event.usage_source) == (10, "upstream")
    assert world.at_rest()


def test_nothing_is_answered_that_could_not_be_held(world, outage):  # noqa: F811
    outage.of_everything = True
    answer = world.ask("hello")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "server_error")
    assert world.provider.calls == 0
    outage.of_everything = False
    assert world.ask("hello").status_code == 200
    assert recorded(1)
    assert Hold.objects.count() == 1


def test_a_stream_that_breaks_off_during_an_outage_is_charged_for_what_came(world, outage):  # noqa: F811
    outage.of_settlements = True
    answer = world.ask("reset", stream=True)
    assert "[DONE]" not in answer.text
    outage.of_settlements = False
    assert recorded(1)
    assert world.event().output_tokens == 5
    assert world.at_rest()


def test_a_fault_of_ours_in_mid_stream_is_told_and_charged_for_what_came(world, monkeypatch):  # noqa: F811
    real = ChunkWriter.take

    def take(self, event):
        if self.meter.pieces == 3:
            raise RuntimeError("a bug")
        return real(self, event)

    monkeypatch.setattr(ChunkWriter, "take", take)
    answer = world.ask("slow", stream=True)
    assert "Something went wrong on our side" in events(answer)[-1]
    assert "a bug" not in answer.text
    assert "[DONE]" not in answer.text
    assert recorded(1)
    event = world.event()
    assert (event.output_tokens, event.status) == (3, 500)
    assert world.at_rest()
