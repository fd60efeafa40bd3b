"""Usage from elsewhere, through the door."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import projects
from api.events import MOST
from billing import grants
from billing.models import CreditGrant, IngestionBatch
from catalog import prices
from catalog.models import LanguageModel, TokenClass
from tests.api.client import Door, fault
from tests.billing.reporter import COST, price_the_past, usage, void
from tests.dashboard.metered import record, request_of
from usage.models import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice(alice):
    price_the_past()
    return alice


@pytest.fixture
def reporter(alice):
    return Door(alice.key("reporter", scopes=("ingest",))[1])


def send(door, body, kind="cloudevents+json", **headers):
    headers = {"authorization": f"Bearer {door.secret}", **headers}
    return door.client.post("/api/v1/events", json.dumps(body), content_type=f"application/{kind}", headers=headers)


def test_one_event_is_recorded_as_the_calling_keys(reporter, alice):
    answer = send(reporter, usage(id="a"))
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "object": "ingestion",
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "results": [
            {"source": "/proxy", "id": "a", "status": "accepted", "code": None, "message": None, "param": None}
        ],
    }
    event = UsageEvent.objects.get()
    assert (event.api_key.name, event.charge) == ("reporter", COST)
    assert IngestionBatch.objects.get().api_key == event.api_key
    assert send(reporter, usage(id="a", at=event.occurred_at)).json()["duplicate"] == 1


def test_one_event_that_is_refused_answers_with_the_error(reporter):
    assert fault(send(reporter, usage(model="nobody"))) == (400, "model_not_found", "data.model")
    assert fault(send(reporter, {**usage(), "specversion": "0.3"})) == (400, "invalid_event", "specversion")
    assert fault(send(reporter, void("nothing"))) == (400, "event_not_found", "data.event_id")
    first = usage(id="a")
    send(reporter, first)
    other = {**first, "data": {**first["data"], "output_tokens": 1}}
    assert fault(send(reporter, other)) == (409, "event_conflict", None)
    old = usage(at=timezone.now() - timedelta(days=36))
    assert fault(send(reporter, old)) == (400, "too_old", "time")


def test_a_batch_says_what_became_of_each(reporter):
    first = usage(id="a")
    other = {**first, "data": {**first["data"], "output_tokens": 1}}
    answer = send(reporter, [first, first, other, usage(model="nobody"), 7, usage()], "cloudevents-batch+json").json()
    assert [one["status"] for one in answer["results"]] == [
        "accepted",
        "duplicate",
        "conflict",
        "rejected",
        "rejected",
        "accepted",
    ]
    assert (answer["accepted"], answer["duplicate"], answer["conflict"], answer["rejected"]) == (2, 1, 1, 2)
    assert answer["results"][4]["id"] is None and answer["results"][3]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ([], "cloudevents+json", (400, None, None)),
        ({}, "cloudevents-batch+json", (400, None, None)),
        ([{}] * (MOST + 1), "cloudevents-batch+json", (400, "invalid_value", None)),
        ({}, "xml", (415, "unsupported_media_type", None)),
        ({}, "json", (400, "invalid_event", "specversion")),
    ],
)
def test_a_body_of_another_kind_is_refused(reporter, body, kind, expected):
    assert fault(send(reporter, body, kind)) == expected


def test_a_large_batch_passes_and_a_huge_body_does_not(reporter):
    answer = send(reporter, [usage(id=str(number)) for number in range(MOST)], "cloudevents-batch+json")
    assert answer.json()["accepted"] == MOST
    assert UsageEvent.objects.count() == MOST
    assert fault(send(reporter, ["x" * 5_000_000], "cloudevents-batch+json"))[:2] == (413, "request_too_large")


def test_a_key_that_only_reports_speaks_of_its_own_project(reporter, alice):
    second = Door(user=alice.owner)
    project = projects.create(alice.organization, "Second", alice.actor)
    assert fault(send(reporter, usage(project_id=project.public_id)))[1] == "project_not_found"
    manager = Door(alice.key("manager", scopes=("management",))[1])
    assert send(manager, usage(id="m", project_id=project.public_id)).status_code == 200
    assert fault(send(reporter, void("m")))[1] == "event_not_found"
    assert second.post("v1/events", usage(id="s")).status_code == 200
    keys = dict(UsageEvent.objects.values_list("external_id", "api_key__name"))
    assert keys == {"m": "Imported usage", "s": "Imported usage"}


def test_what_no_credit_covers_is_owed_and_the_balance_says_it(alice, admin):
    assert admin.get("v1/balance").json()["owed"] == "0.00"
    CreditGrant.objects.filter(organization=alice.organization).update(expires_at=timezone.now() - timedelta(days=1))
    grants.give(alice.organization, COST - 1)
    send(admin, [usage(), usage(id="b")], "cloudevents-batch+json")
    told = admin.get("v1/balance").json()
    assert (told["posted"], told["available"], told["owed"]) == ("0.00", "0.00", "0.000083961")
    grants.give(alice.organization, 10**9)
    assert admin.get("v1/balance").json()["owed"] == told["owed"]
    send(admin, void("b"))
    told = admin.get("v1/balance").json()
    assert (told["posted"], told["owed"]) == ("1.00", "0.000000001")


def test_no_event_takes_the_id_of_a_request_that_passed_the_gateway(alice, admin):
    key, _ = alice.key("chat")
    ours = request_of(key, timezone.now() - timedelta(hours=1), id=1, request_id="req_ours", charge=7_400)
    record(ours)
    claims = [usage(id="a", request_id="req_ours"), usage(id="req_ours"), usage(id="b", request_id="req_ours")]
    assert send(admin, [*claims, void("a")], "cloudevents-batch+json").json()["accepted"] == 4
    # One from before ids were kept apart.
    record(request_of(key, timezone.now(), id=2**40, request_id="req_ours", batch_id=7, charge=1))
    found = admin.get("v1/requests/req_ours").json()
    assert (found["key_id"], found["cost"]) == (key.public_id, "0.0000074")
    assert admin.get("v1/requests/req_ours/price").json()["charge"] == "0.0000074"
    told = set(UsageEvent.objects.filter(usage_source="ingested").values_list("external_id", "request_id"))
    assert told == {("a", "ext_req_ours"), ("req_ours", "ext_req_ours"), ("b", "ext_req_ours")}
    assert admin.get("v1/requests/ext_req_ours").json()["tokens_from"] == "ingested"


@pytest.mark.parametrize("said", ["a/b", ".", "..", "req_" + "x" * 36])
def test_a_request_id_without_an_address_is_not_its_address(admin, said):
    send(admin, usage(id="job-1", request_id=said))
    assert admin.get("v1/requests/job-1").json()["id"] == UsageEvent.objects.get().request_id == "job-1"


def test_a_repeated_post_gets_the_same_answer(reporter):
    first = usage(id="a")
    answers = [send(reporter, first, **{"idempotency-key": "one"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json() and answers[1]["Idempotency-Replayed"] == "true"
    assert UsageEvent.objects.count() == 1


HOSTILE = [
    ("id", ""), ("id", "a\0b"), ("id", "x" * 201), ("id", 7), ("id", "\u202e"), ("source", None), ("source", []),
    ("type", "usage"), ("type", {}), ("time", "yesterday"), ("time", "2026-11-24T08:00:00"), ("time", 7),
    ("time", "0001-01-01T00:00:00+14:00"), ("time", "2026-11-24"), ("data", None), ("data", "x"),
    ("datacontenttype", "text/plain"), ("datacontenttype", 7), ("data_base64", "eA=="),
]  # fmt: skip
HOSTILE_DATA = [
    ("input_tokens", -1), ("input_tokens", 2**31), ("input_tokens", 1.0), ("input_tokens", "1"),
    ("output_tokens", True),
    ("output_tokens", 2**70), ("cached_input_tokens", 129), ("model", ""), ("model", 7), ("model", "\ud800x"),
    ("key_id", "x" * 41), ("status", 42), ("stream", "yes"), ("cost", "1.00"), ("x" * 100, 1), ("event_id", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "value"), HOSTILE)
def test_an_envelope_that_is_wrong_is_refused_by_name(reporter, member, value):
    status, code, _ = fault(send(reporter, {**usage(), member: value}))
    assert (status, code) == (400, "invalid_event")
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(("member", "value"), HOSTILE_DATA)
def test_data_that_is_wrong_is_refused_by_name(reporter, member, value):
    status, code, param = fault(send(reporter, usage(**{member: value})))
    assert status == 400 and code in {"invalid_event", None}
    assert code is None or param == f"data.{member}"[:69]
    assert not UsageEvent.objects.exists()


def test_more_than_any_request_costs_is_refused(reporter):
    prices.set_price(LanguageModel.objects.get(name="deepseek-chat"), TokenClass.OUTPUT, 10**9)
    dear = {**usage(output_tokens=2**31 - 1), "time": timezone.now().isoformat()}
    assert fault(send(reporter, dear)) == (400, "invalid_event", "data")
    assert not UsageEvent.objects.exists()


def test_a_time_that_nobody_measured_is_not_zero(admin):
    send(admin, [usage(id="a"), usage(id="b", duration_ms=1200)], "cloudevents-batch+json")
    said = [one["timing"]["total_ms"] for one in admin.get("v1/requests").json()["data"]]
    assert sorted(said, key=str) == [1200, None]
