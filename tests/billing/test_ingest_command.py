"""`manage.py ingest`: files of usage, ours and other software's."""

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import grants
from billing.ingestion import backfill
from billing.models import FileImport
from foundation.money import NANO
from tests.billing.reporter import COST, price_the_past, usage
from tests.people import house
from usage.models import UsageEvent

pytestmark = pytest.mark.database
AT = timezone.now().replace(microsecond=0) - timedelta(days=2)


@pytest.fixture
def alice(db):
    alice = house()
    grants.give(alice.organization, NANO)
    price_the_past()
    return alice


@pytest.fixture
def ingest(alice):
    def run(path, *options):
        out = StringIO()
        try:
            call_command(
                "ingest", str(path), "--organization", alice.organization.public_id, *options,
                stdout=out, stderr=StringIO(), skip_checks=True,
            )  # fmt: skip
        except CommandError as error:
            return error.returncode, out.getvalue() + str(error)
        return 0, out.getvalue()

    return run


def lines(path, *values):
    path.write_text("".join(json.dumps(one) + "\n" for one in values))
    return path


def recorded():
    """What was recorded: (id, model, input with cached, cached, output, charge)."""
    return [
        (one.external_id, one.model, one.input_tokens + one.cached_input_tokens, one.cached_input_tokens,
         one.output_tokens, one.charge)
        for one in UsageEvent.objects.order_by("external_id")
    ]  # fmt: skip


def test_events_a_line_are_recorded_once_however_often_it_runs(ingest, tmp_path):
    path = lines(tmp_path / "usage.jsonl", usage(id="a", at=AT), usage(id="b", at=AT), usage(id="a", at=AT))
    assert ingest(path) == (0, "3 rows: 2 events recorded, 1 known before, 0 rows without usage, 0 refused.\n")
    assert recorded() == [(name, "deepseek-chat", 128, 28, 50, COST) for name in "ab"]
    # It goes on where it was: at the end.
    assert ingest(path)[1].startswith("3 rows: 2 events recorded, 1 known before")
    assert ingest(path, "--from-start")[1].startswith("3 rows: 0 events recorded, 3 known before")
    assert UsageEvent.objects.count() == 2


def test_a_table_has_the_members_as_columns(ingest, alice, tmp_path):
    api_key = alice.key("worker")[0]
    path = tmp_path / "usage.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["id", "time", "model", "input_tokens", "cached_input_tokens", "output_tokens", "key_id", "stream"]
        )
        rows.writerow(["a", AT.isoformat(), "deepseek-chat", "128", "28", "50", api_key.public_id, "true"])
        rows.writerow(["b", AT.isoformat(), "deepseek-chat", "128", "", "50", "", ""])
    assert ingest(path, "--source", "old house")[0] == 0
    first, second = UsageEvent.objects.order_by("external_id")
    assert (first.charge, first.api_key, first.stream, first.source) == (COST, api_key, True, "old house")
    assert (second.cached_input_tokens, second.api_key.project) == (0, alice.project)


def test_a_compressed_file_is_read_as_it_is(ingest, tmp_path):
    path = tmp_path / "usage.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(usage(id="a", at=AT)).encode()))
    assert ingest(path)[0] == 0
    assert UsageEvent.objects.count() == 1


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_compressed_file_that_is_not_whole_says_so_and_goes_on_when_it_is(ingest, tmp_path, damage):
    path = tmp_path / "usage.jsonl.gz"
    events = [usage(id=f"{number:04}", at=AT) for number in range(1500)]
    whole = gzip.compress("".join(json.dumps(one) + "\n" for one in events).encode())
    # After a header of ten bytes, a block of a type that there is not.
    path.write_bytes(whole[: len(whole) * 9 // 10] if damage == "cut" else whole[:10] + b"\xff" * 8 + whole[18:])
    code, said = ingest(path)
    assert code == 1 and "breaks off or is damaged" in said, said
    path.write_bytes(whole)
    assert ingest(path)[0] == 0
    assert UsageEvent.objects.count() == 1500


def test_what_is_refused_is_kept_with_its_row_and_reason(ingest, tmp_path):
    path = tmp_path / "usage.jsonl"
    good, changed = usage(id="a", at=AT), usage(id="a", at=AT, output_tokens=51)
    old = usage(id="old", at=timezone.now() - timedelta(days=36))
    path.write_text("\n".join([json.dumps(good), "{", "", "[]", json.dumps(changed), json.dumps(old)]))
    status, said = ingest(path)
    assert (status, UsageEvent.objects.count()) == (1, 1)
    assert "1 events recorded" in said and "4 refused" in said and str(path) in said
    kept = [json.loads(line) for line in (tmp_path / "usage.jsonl.refused.jsonl").read_text().splitlines()]
    assert [(one["row"], one["status"], one["code"]) for one in kept] == [
        (2, "rejected", "invalid_event"),
        (3, "rejected", "invalid_event"),
        (4, "conflict", "event_conflict"),
        (5, "rejected", "too_old"),
    ]
    assert kept[2]["record"] == changed
    assert ingest(path, "--any-age", "--from-start")[0] == 1
    assert UsageEvent.objects.count() == 2


def test_it_goes_on_where_it_was_stopped(ingest, tmp_path, monkeypatch):
    path = lines(tmp_path / "usage.jsonl", *[usage(id=f"{n:03}", at=AT) for n in range(50)])
    monkeypatch.setattr(backfill, "BATCH", 10)
    real, calls = backfill.ingest, []

    def stopped(*given, **options):
        calls.append(len(given[1]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*given, **options)

    monkeypatch.setattr(backfill, "ingest", stopped)
    status, said = ingest(path)
    assert (status, "goes on where it was" in said) == (130, True)
    assert (UsageEvent.objects.count(), FileImport.objects.get().rows) == (20, 20)
    assert ingest(path)[1].startswith("50 rows: 50 events recorded, 0 known before")
    assert calls == [10] * 6
    # More rows at its end, and other rows at its beginning.
    path.write_text(path.read_text() + json.dumps(usage(id="more", at=AT)) + "\n")
    assert ingest(path)[1].startswith("51 rows: 51 events recorded, 0 known before")
    path.write_text(json.dumps(usage(id="first", at=AT)) + "\n" + path.read_text())
    assert ingest(path)[1].startswith("52 rows: 1 events recorded, 51 known before")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '[{"id": "a"}]', "one JSON array"),
        ("a.csv", "", "must name every column"),
        ("a.csv", "id,,model\n", "must name every column"),
        ("a.csv", 'id,model\n"a,b\n', "unexpected end of data"),
        ("a.jsonl", "x" * (1 << 21), "longer than"),
        ("a.jsonl.gz", "plain", "gzipped"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(ingest, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    status, heard = ingest(tmp_path / name)
    assert status == 1 and said in heard


def test_options_that_are_wrong_say_what_helps(ingest, tmp_path):
    path = lines(tmp_path / "usage.jsonl")
    assert "No such file" in ingest(tmp_path / "nothing")[1]
    assert "begins with org_" in ingest(path, "--organization", "org_nobody")[1]
    assert "no project proj_1" in ingest(path, "--project", "proj_1")[1]
    assert "needs both names" in ingest(path, "--model", "a")[1]
    assert "--source" in ingest(path, "--source", "\n")[1]
    assert ingest(path)[1].startswith("0 rows")


SPEND_LOG = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.00012,
    "total_tokens": 178,
    "prompt_tokens": 128,
    "completion_tokens": 50,
    "startTime": AT.replace(tzinfo=None).isoformat(" ", "milliseconds"),
    "endTime": (AT + timedelta(seconds=2)).replace(tzinfo=None).isoformat(" ", "milliseconds"),
    "completionStartTime": (AT + timedelta(milliseconds=300)).replace(tzinfo=None).isoformat(" ", "milliseconds"),
    "model": "deepseek/deepseek-chat",
    "model_group": "deepseek-chat",
    "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 28}}},
    "status": "success",
}


def test_litellm_spend_logs(ingest, tmp_path):
    payload = {
        "id": "chatcmpl-2", "prompt_tokens": 128, "completion_tokens": 50, "startTime": AT.timestamp(),
        "endTime": AT.timestamp() + 2, "completionStartTime": AT.timestamp() + 2, "model": "deepseek-chat",
        "model_group": None, "status": "success", "metadata": {},
    }  # fmt: skip
    failed = {**SPEND_LOG, "request_id": "x", "prompt_tokens": 0, "completion_tokens": 0, "status": "failure"}
    path = lines(tmp_path / "spend.jsonl", SPEND_LOG, payload, failed)
    assert ingest(path, "--format", "litellm")[1].startswith(
        "3 rows: 2 events recorded, 0 known before, 1 rows without"
    )
    assert recorded() == [
        ("chatcmpl-1", "deepseek-chat", 128, 28, 50, COST),
        ("chatcmpl-2", "deepseek-chat", 128, 0, 50, 128 * 270 + 50 * 1100),
    ]
    first = UsageEvent.objects.get(external_id="chatcmpl-1")
    assert (first.occurred_at, first.duration_ms, first.first_token_ms, first.source) == (
        AT + timedelta(seconds=2),
        2000,
        300,
        "litellm",
    )


def test_litellm_spend_logs_as_a_table(ingest, tmp_path):
    path = tmp_path / "LiteLLM_SpendLogs.csv"
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, SPEND_LOG)
        rows.writeheader()
        rows.writerow({**SPEND_LOG, "metadata": json.dumps(SPEND_LOG["metadata"])})
    assert ingest(path, "--format", "litellm")[0] == 0
    assert recorded() == [("chatcmpl-1", "deepseek-chat", 128, 28, 50, COST)]


def test_openai_answers_and_batches(ingest, tmp_path):
    answer = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": int(AT.timestamp()), "model": "gpt-4o-2024-11-20",
        "choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "…"}}],
        "usage": {
            "prompt_tokens": 128, "completion_tokens": 50, "total_tokens": 178,
            "prompt_tokens_details": {"cached_tokens": 28},
        },
    }  # fmt: skip
    response = {
        "id": "resp_1", "object": "response", "created_at": int(AT.timestamp()), "model": "gpt-4o-2024-11-20",
        "usage": {"input_tokens": 128, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 28}},
    }  # fmt: skip
    batch = {
        "id": "batch_req_1", "custom_id": "1", "error": None,
        "response": {"status_code": 200, "request_id": "r", "body": {**answer, "id": "chatcmpl-2"}},
    }  # fmt: skip
    failed = {"id": "batch_req_2", "custom_id": "2", "response": None, "error": {"code": "batch_expired"}}
    path = lines(tmp_path / "answers.jsonl", answer, response, batch, failed)
    status, said = ingest(path, "--format", "openai", "--model", "gpt-4o-2024-11-20=deepseek-chat")
    assert status == 0 and "3 events recorded, 0 known before, 1 rows without usage" in said
    assert recorded() == [(name, "deepseek-chat", 128, 28, 50, COST) for name in ("chatcmpl-1", "chatcmpl-2", "resp_1")]
    assert UsageEvent.objects.get(external_id="chatcmpl-1").finish_reason == "length"


def test_vllm_traces_and_batches(ingest, tmp_path):
    def attribute(name, kind, value):
        return {"key": name, "value": {kind: value}}

    nanos = int(AT.timestamp()) * 1_000_000_000
    span = {
        "name": "llm_request", "startTimeUnixNano": str(nanos), "endTimeUnixNano": str(nanos + 1_500_000_000),
        "attributes": [
            attribute("gen_ai.response.model", "stringValue", "deepseek-chat"),
            attribute("gen_ai.request.id", "stringValue", "chatcmpl-1"),
            attribute("gen_ai.usage.prompt_tokens", "intValue", "128"),
            attribute("gen_ai.usage.completion_tokens", "intValue", "50"),
            attribute("gen_ai.latency.time_to_first_token", "doubleValue", 0.25),
        ],
    }  # fmt: skip
    traces = {"resourceSpans": [{"scopeSpans": [{"spans": [span, {"name": "other", "attributes": []}]}]}]}
    body = {
        "id": "chatcmpl-2", "created": int(AT.timestamp()), "model": "deepseek-chat", "choices": [],
        "usage": {"prompt_tokens": 128, "completion_tokens": 50},
    }  # fmt: skip
    batch = {"id": "vllm-1", "custom_id": "1", "response": {"status_code": 200, "request_id": "r", "body": body}}
    path = lines(tmp_path / "traces.jsonl", traces, batch, {"resourceSpans": 3})
    status, said = ingest(path, "--format", "vllm")
    assert status == 1 and "2 events recorded" in said and "1 refused" in said
    assert [one[:5] for one in recorded()] == [
        (name, "deepseek-chat", 128, 0, 50) for name in ("chatcmpl-1", "chatcmpl-2")
    ]
    first = UsageEvent.objects.get(external_id="chatcmpl-1")
    assert (first.duration_ms, first.first_token_ms) == (1500, 250)
    assert first.occurred_at == datetime.fromtimestamp(AT.timestamp() + 1.5, UTC)


@pytest.mark.parametrize("format", ["cloudevents", "litellm", "openai", "vllm"])
def test_hostile_records_are_refused_and_stop_nothing(ingest, tmp_path, format):
    prompt = {"key": "gen_ai.usage.prompt_tokens", "value": {"intValue": "1"}}
    timeless = {"startTimeUnixNano": "²", "attributes": [prompt]}
    hostile = [
        {"prompt_tokens": "NaN", "completion_tokens": 1, "id": "a"},
        {"prompt_tokens": 1, "completion_tokens": 1e400, "id": "a"},
        {"prompt_tokens": True, "completion_tokens": [1], "id": {}},
        {"prompt_tokens": 1, "completion_tokens": 1, "request_id": "x", "model": "m", "startTime": "99999999999999"},
        {"usage": {"prompt_tokens": 0.5}, "id": "b", "model": "m"},
        {"usage": [], "response": "x", "choices": 3},
        {"usage": {"input_tokens": 1}, "choices": [3], "id": "c", "model": 3},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": 1, "value": 3}]}]}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [timeless]}]}]},
        {"data": None},
        {"data": {"model": "\x00"}, "id": "a"},
    ]
    path = lines(tmp_path / "hostile.jsonl", *hostile, usage(id="good", at=AT))
    ingest(path, "--format", format)
    assert FileImport.objects.get().rows == len(hostile) + 1
    assert UsageEvent.objects.count() == (1 if format == "cloudevents" else 0)
