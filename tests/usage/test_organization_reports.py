import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest
from asgiref.sync import sync_to_async

from gateway.app import Gateway
from gateway.bridge import Bridge
from gateway.limiter.in_process import InProcessLimiter
from gateway.options import GatewayOptions
from tests.people import house
from usage import rollups
from usage.models import PendingRollup, UsageEvent
from usage.organization_reports import costs_page, usage_page
from usage.report_query import InvalidQuery, costs_query, usage_query

DAY = datetime(2026, 3, 2, tzinfo=UTC)
START = int(DAY.timestamp())
_numbers = itertools.count(1)


def use(key, at, *, model="deepseek-chat", charge=217_000, pending=False, tokens=(6, 4, 5)):
    """One request, as settlement records it."""
    number = next(_numbers)
    common = {
        "organization": key.organization,
        "project": key.project,
        "api_key": key,
        "model": model,
        "input_tokens": tokens[0],
        "cached_input_tokens": tokens[1],
        "output_tokens": tokens[2],
        "charge": charge,
    }
    UsageEvent.objects.create(
        id=number, request_id=f"req_{number}", occurred_at=at, duration_ms=10, stream=False, status=200,
        finish_reason="stop", usage_source="upstream", input_price=1, cached_input_price=1, output_price=1,
        price_ids="1,2,3", **common,
    )  # fmt: skip
    bucket = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    PendingRollup.objects.create(event_id=number, bucket=bucket, requests=1, **common)
    if not pending:
        rollups.fold_pending()


def usage(organization, text):
    return usage_page(organization.pk, usage_query(f"start_time={START}&{text}".encode(), now=START + 86400))


def costs(organization, text):
    page = costs_page(organization.pk, costs_query(f"start_time={START}&{text}".encode(), now=START + 86400))
    return orjson.dumps(page).decode()


@pytest.mark.django_db
def test_it_sums_a_day_of_rollups_and_pending_rows():
    alice = house()
    key, _ = alice.key()
    use(key, DAY + timedelta(hours=1))
    use(key, DAY + timedelta(hours=23, minutes=59), pending=True)
    page = usage(alice.organization, f"end_time={START + 2 * 86400}")
    assert page["object"] == "page" and page["has_more"] is False and page["next_page"] is None
    assert page["data"][0] == {
        "object": "bucket",
        "start_time": START,
        "end_time": START + 86400,
        "results": [
            {
                "object": "organization.usage.completions.result",
                "input_tokens": 20,
                "output_tokens": 10,
                "input_cached_tokens": 8,
                "num_model_requests": 2,
                "project_id": None,
                "user_id": None,
                "api_key_id": None,
                "model": None,
            }
        ],
    }
    assert page["data"][1]["results"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("width", ["1m", "1h", "1d"])
def test_it_groups_by_public_ids_in_every_width(width):
    alice = house()
    one, two = alice.key("one")[0], alice.key("two")[0]
    at = DAY + timedelta(seconds=30)
    use(one, at)
    use(two, at, model="deepseek-coder", charge=1)
    query = f"bucket_width={width}&end_time={START + 60}&group_by[]=api_key_id&group_by=model&group_by=project_id"
    (bucket,) = usage(alice.organization, query)["data"]
    assert [(row["api_key_id"], row["model"], row["project_id"]) for row in bucket["results"]] == [
        (one.public_id, "deepseek-chat", alice.project.public_id),
        (two.public_id, "deepseek-coder", alice.project.public_id),
    ]


@pytest.mark.django_db
def test_it_tells_minutes_apart():
    alice = house()
    key, _ = alice.key()
    for seconds in (0, 59, 60, 179):
        use(key, DAY + timedelta(seconds=seconds, microseconds=500), pending=True)
    data = usage(alice.organization, f"bucket_width=1m&end_time={START + 240}")["data"]
    assert [sum(row["num_model_requests"] for row in bucket["results"]) for bucket in data] == [2, 1, 1, 0]


@pytest.mark.django_db
@pytest.mark.parametrize("width", ["1m", "1d"])
def test_filters_take_public_ids_and_unknown_ones_match_nothing(width):
    alice, charlie = house(), house("Charlie")
    one, two = alice.key("one")[0], alice.key("two")[0]
    foreign, _ = charlie.key()
    for key in (one, two, foreign):
        use(key, DAY)

    def requests(text):
        data = usage(alice.organization, f"bucket_width={width}&end_time={START + 60}&{text}")["data"]
        return sum(row["num_model_requests"] for bucket in data for row in bucket["results"])

    assert requests("") == 2
    assert requests(f"api_key_ids={one.public_id}") == 1
    assert requests(f"api_key_ids[]={one.public_id}&api_key_ids[]={two.public_id}") == 2
    assert requests(f"project_ids={alice.project.public_id}") == 2
    assert requests("models=deepseek-chat") == 2
    assert requests("models=other") == 0
    assert requests(f"api_key_ids={foreign.public_id}") == 0
    assert requests(f"project_ids={charlie.project.public_id}") == 0
    assert requests(f"api_key_ids={one.pk}") == 0


@pytest.mark.django_db
def test_costs_are_exact_numbers():
    alice = house()
    key, _ = alice.key()
    use(key, DAY, charge=1)
    use(key, DAY, charge=9_007_199_254_740_993, model="deepseek-coder")
    text = costs(alice.organization, f"end_time={START + 1}")
    assert '"value":9007199.254740994,' in text
    use(key, DAY, charge=1_000_000_000, model="deepseek-math")
    page = json.loads(costs(alice.organization, f"end_time={START + 1}&group_by=line_item"), parse_float=Decimal)
    (bucket,) = page["data"]
    assert [(row["line_item"], row["amount"]["value"]) for row in bucket["results"]] == [
        ("deepseek-coder", Decimal("9007199.254740993")),
        ("deepseek-math", Decimal("1.00")),
        ("deepseek-chat", Decimal("0.000000001")),
    ]
    assert bucket["results"][0]["amount"]["currency"] == "usd"


@pytest.mark.django_db
def test_pages_follow_one_another_without_gap_or_overlap():
    alice = house()
    starts, cursor = [], ""
    for _ in range(10):
        page = usage(alice.organization, f"bucket_width=1h&limit=5&end_time={START + 12 * 3600}{cursor}")
        starts += [bucket["start_time"] for bucket in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&page={page['next_page']}"
    assert starts == [START + hour * 3600 for hour in range(12)]


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        ("", "start_time"),
        ("start_time=", "start_time"),
        ("start_time=-1", "start_time"),
        ("start_time=1.5", "start_time"),
        ("start_time=%D9%A1", "start_time"),
        ("start_time=1_0", "start_time"),
        ("start_time=999999999999", "start_time"),
        ("start_time=1&start_time=2", "start_time"),
        ("start_time=5&end_time=5", "end_time"),
        ("start_time=5&bucket_width=2d", "bucket_width"),
        ("start_time=5&limit=0", "limit"),
        ("start_time=5&limit=32", "limit"),
        ("start_time=5&group_by=line_item", "group_by"),
        ("start_time=5&user_ids=", "user_ids"),
        ("start_time=5&page=page_", "page"),
        ("start_time=5&page=page_%C3%BC", "page"),
        ("start_time=5&page=page_MQ", "page"),
        ("start_time=5&page=page_AAAAA", "page"),
        ("start_time=5&models=a%00b", "models"),
        ("start_time=5&" + "models=a&" * 201, "models"),
        ("a=1&" * 2000, "query"),
    ],
)
def test_it_says_which_parameter_is_wrong(raw, param):
    with pytest.raises(InvalidQuery) as caught:
        usage_query(raw.encode())
    assert caught.value.param == param


def test_costs_come_by_the_day():
    with pytest.raises(InvalidQuery):
        costs_query(b"start_time=5&bucket_width=1h")
    assert costs_query(b"start_time=5&limit=180&bucket_width=1d").width == 86400


def test_without_an_end_it_reports_until_now():
    query = usage_query(f"start_time={START}&bucket_width=1h".encode(), now=START + 3600)
    assert [bucket.start for bucket in query.buckets] == [START, START + 3600]


async def ask(gateway, path, query, secret, headers=None):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "client": ("127.0.0.1", 9),
        "headers": [(b"authorization", f"Bearer {secret}".encode())],
    }  # fmt: skip
    await gateway(scope, receive, send)
    if headers is not None:
        headers |= dict(sent[0]["headers"])
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_only_a_management_key_gets_reports(own_database):
    def people():
        alice = house("Alix")
        admins = [alice.key(name, scopes=("management",))[1] for name in ("admin", "other")]
        return alice.key("chat")[1], *admins

    chat, admin, other = await sync_to_async(people)()
    gateway = Gateway(Bridge(), InProcessLimiter())
    gateway.bridge.start()
    try:
        for path in ("/v1/organization/usage/completions", "/v1/organization/costs"):
            status, body = await ask(gateway, path, "start_time=1", chat)
            assert (status, body["error"]["code"]) == (403, "insufficient_permissions")
            status, body = await ask(gateway, path, "", admin)
            assert (status, body["error"]["param"]) == (400, "start_time")
            assert body["error"]["code"] == "missing_required_parameter"
            status, body = await ask(gateway, path, f"start_time={START}&limit=2", admin)
            assert (status, body["object"], len(body["data"])) == (200, "page", 2)
        await two_a_minute(gateway.bridge, admin, other)
    finally:
        gateway.bridge.stop()


async def two_a_minute(bridge, one, two):
    """Each key may ask for so many reports, and is told how many are left."""
    gateway = Gateway(bridge, InProcessLimiter(), GatewayOptions(reports_per_minute=2))
    costs, query = "/v1/organization/costs", f"start_time={START}"
    for left in (b"1", b"0"):
        status, _ = await ask(gateway, costs, query, one, headers := {})
        assert (status, headers[b"x-ratelimit-remaining-requests"]) == (200, left)
    status, body = await ask(gateway, "/v1/organization/usage/completions", query, one, headers := {})
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(headers[b"retry-after"]) <= 60
    assert (await ask(gateway, costs, query, two))[0] == 200
