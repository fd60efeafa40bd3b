"""What every operation keeps to, read off the description: a new one cannot miss it."""

import re

import pytest

from api.etags import is_single
from api.examples import ANSWERS
from tests.api.client import Door, fault
from tests.api.test_description import described, operations

pytestmark = pytest.mark.django_db
# Complete by their nature: what is sold, and what is counted by code.
WHOLE_LISTS = {"models_list", "prices_list", "plans_list"}
AMOUNTS = re.compile(r"amount|cost|charge|owed|posted|held|available|paid$|granted|usd_per|^used$|^left$|balance$")
TEXTS = ({"string"}, {"string", "null"})


def walk():
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def names(operation, where):
    return {one["name"] for one in operation.get("parameters", []) if one["in"] == where}


def test_every_post_can_be_repeated():
    for method, path, operation in walk():
        assert ("Idempotency-Key" in names(operation, "header")) == (method == "post"), path


def test_every_edit_can_be_conditional():
    for method, path, operation in walk():
        is_edit = method in ("patch", "put", "delete")
        assert ("If-Match" in names(operation, "header")) == is_edit, path
        assert ("412" in operation["responses"]) == is_edit, path


def test_every_object_has_a_tag():
    for method, path, operation in walk():
        example = ANSWERS.get(operation["operationId"])
        if method == "get" and example is not None and is_single(example):
            assert "If-None-Match" in names(operation, "header"), path
            assert "304" in operation["responses"], path
            assert "ETag" in operation["responses"]["200"]["headers"], path


def test_every_list_comes_in_pages():
    for _, path, operation in walk():
        example = ANSWERS.get(operation["operationId"], {})
        if example.get("object") == "list" and operation["operationId"] not in WHOLE_LISTS:
            assert {"limit", "cursor"} <= names(operation, "query"), path
            assert {"has_more", "next_cursor"} <= set(example), path


def test_every_answer_says_how_often_one_may_ask():
    for _, path, operation in walk():
        for status, answer in operation["responses"].items():
            headers = set(answer["headers"])
            assert "x-request-id" in headers, (path, status)
            if status not in ("401", "405"):
                assert "x-ratelimit-limit-requests" in headers, (path, status)
            assert ("Retry-After" in headers) == (status in ("429", "503")), (path, status)


def test_every_amount_is_a_text_and_every_instant_has_a_zone():
    schemas = described()["components"]["schemas"]
    for kind, schema in schemas.items():
        for name, member in schema.get("properties", {}).items():
            types = member.get("type", [])
            types = {types} if isinstance(types, str) else set(types)
            if AMOUNTS.search(name):
                assert not types & {"number", "integer"}, (kind, name)
            if name.endswith("_at") and types:
                assert types in TEXTS, (kind, name)


def test_a_float_is_no_amount(alice, admin):
    for amount in (5.5, 5, 1e3, "", "-1", "1e3", "5.", "٥", "0.0000000001", "9223372037", "x" * 31):
        assert fault(admin.post("v1/limits", {"amount": amount})) == (400, "invalid_value", "amount"), amount
    for measure, amount in (("tokens", "5.5"), ("requests", str(2**63))):
        told = fault(admin.post("v1/limits", {"measure": measure, "amount": amount}))
        assert told == (400, "invalid_value", "amount")
    answer = admin.post("v1/limits", {"amount": "1,5"}).json()
    assert "such as “25.00”" in answer["error"]["message"]


def test_every_operation_keeps_the_conventions_of_errors():
    for name, (path, operation) in operations(described()).items():
        assert {"401", "403", "405", "429", "500", "503"} <= set(operation["responses"]), (name, path)


def test_filters_are_named_as_in_the_pages_address():
    wanted = {"period", "from", "to", "project", "key", "model", "member"}
    for name in ("usage", "costs", "requests_list", "exports_usage", "exports_requests"):
        assert wanted <= names(operations(described())[name][1], "query"), name


def test_every_answer_to_a_known_caller_carries_the_headers(admin):
    for path in ("v1/me", "v1/keys", "v1/keys/key_nothing", "v1/keys?limit=0", "v1/status"):
        answer = admin.get(path)
        for header in ("limit", "remaining", "reset"):
            assert answer[f"x-ratelimit-{header}-requests"], path
    assert "x-request-id" in Door().get("v1/me")
