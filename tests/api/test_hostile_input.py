import gzip
import json

import pytest

from tests.api.client import Door, fault

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": 5.5e300}, None),
        ({"name": ["x"]}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "x", "allowed_model": ["deepseek-chat"]}, "allowed_model"),
        ({"name": "x", "is_playground": True}, "is_playground"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes.0"),
        ({"name": "x", "scopes": ["chat", "management"]}, "scopes"),
        ({"name": "x", "scopes": "chat"}, "scopes"),
        ({"name": "x", "allowed_models": ["nothing"]}, "allowed_models"),
        ({"name": "x", "allowed_models": {"a": 1}}, "allowed_models"),
        ({"name": "x", "allowed_networks": ["999.1.1.1"]}, "allowed_networks"),
        ({"name": "x", "allowed_networks": ["10.0.0.0/8"] * 201}, "allowed_networks"),
        ({"name": "x", "requests_per_minute": 0}, "requests_per_minute"),
        ({"name": "x", "requests_per_minute": 10**30}, "requests_per_minute"),
        ({"name": "x", "requests_per_minute": True}, "requests_per_minute"),
        ({"name": "x", "requests_per_minute": "1; DROP TABLE"}, "requests_per_minute"),
        ({"name": "x", "expires_at": "yesterday"}, "expires_at"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"name": "x", "owned_by": "charlie"}, "owned_by"),
        ({"name": "x", "project_id": "a\0b"}, "project_id"),
    ],
)
def test_it_says_what_is_wrong(admin, body, param):
    response = admin.post("v1/keys", body)
    if param is None:
        assert response.status_code in (201, 400)
        return
    status, code, named = fault(response)
    assert (status, named) == (400, param)
    assert code in ("invalid_value", "missing_required_parameter")
    assert response.json()["error"]["errors"][0]["param"] == param


@pytest.mark.parametrize(
    ("path", "body", "params"),
    [
        ("v1/webhooks", {"url": "http://localhost/", "types": ["zz"], "x": 1}, ["types.0", "x"]),
        ("v1/webhooks", {"url": 1, "types": ["zz"], "events": []}, ["url", "types.0", "events"]),
        (
            "v1/keys",
            {"name": "x" * 65, "scopes": ["root"], "requests_per_minute": "5", "zz": 1},
            ["name", "scopes.0", "requests_per_minute", "zz"],
        ),
        ("v1/limits", {"amount": 5, "window": "year", "hard": True}, ["amount", "window", "hard"]),
    ],
)
def test_every_fault_of_a_body_is_listed(admin, path, body, params):
    error = admin.post(path, body).json()["error"]
    assert sorted(one["param"] for one in error["errors"]) == sorted(params)
    assert (error["param"], error["message"]) == (error["errors"][0]["param"], error["errors"][0]["message"])


def test_every_fault_of_a_query_is_listed(admin):
    error = admin.get("v1/keys?limit=0&project=a&project=b&status=&keys=x").json()["error"]
    assert {one["param"] for one in error["errors"]} == {"limit", "project", "status", "keys"}


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"name"', 400),
        (b'{"name": NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 50_000, 400),
        (b'{"requests_per_minute": ' + b"9" * 10_000 + b', "name": "x"}', 400),
        (b'{"name": "' + b"x" * 300_000 + b'"}', 413),
    ],
)
def test_bodies_that_are_none_are_refused(admin, raw, status):
    assert fault(admin.post("v1/keys", raw))[0] == status


def test_another_content_type_is_refused(admin):
    response = admin.client.post("/api/v1/keys", {"name": "x"}, headers={"authorization": f"Bearer {admin.secret}"})
    assert fault(response)[:2] == (415, "unsupported_media_type")
    assert "application/json" in response.json()["error"]["message"]


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip"])
@pytest.mark.parametrize("path", ["v1/keys", "v1/events"])
def test_a_compressed_body_is_refused_unread(admin, path, coding):
    bomb = gzip.compress(b"0" * 10_000_000)
    response = admin.post(path, bomb[:5_000], content_encoding=coding)
    assert fault(response)[:2] == (415, "unsupported_media_type")
    assert "without Content-Encoding" in response.json()["error"]["message"]
    assert admin.post("v1/keys", {"name": "plain"}, content_encoding="identity").status_code == 201


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("v1/usage?period=ever", ["today", "month"]),
        ("v1/usage?interval=year", ["15m", "week"]),
        ("v1/keys?status=gone", ["active", "revoked"]),
    ],
)
def test_a_wrong_choice_is_told_the_choices(admin, query, names):
    said = admin.get(query).json()["error"]["message"]
    assert all(name in said for name in names), said


@pytest.mark.parametrize(
    "path",
    ["v1", "v1/", "v1/nothing", "v1/keys/", "v1/keys/1", "v1/keys/key_%00", "v1/keys/key_a'--", "v1/keys/../me", "x"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_paths_are_errors_in_json(admin, path, method):
    assert fault(admin.send(method, path))[:2] == (404, "unknown_url")


def test_a_model_that_no_text_names_is_not_there(admin):
    assert fault(admin.get("v1/models/a%00b"))[:2] == (404, "not_found")


def test_other_methods_are_405(admin):
    response = admin.send("DELETE", "v1/keys")
    assert fault(response)[:2] == (405, "method_not_supported")
    assert "POST" in response["Allow"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("projectid=proj_x", "projectid"),
        ("cursor=%00", "cursor"),
        ("cursor=key_x", "cursor"),
        ("cursor=" + "x" * 41, "cursor"),
        ("project=%00", "project"),
        ("project=a&project=b", "project"),
        ("status=gone", "status.0"),
    ],
)
def test_queries_that_mean_nothing_are_refused(admin, query, param):
    status, _, named = fault(admin.get(f"v1/keys?{query}"))
    assert (status, named) == (400, param)


@pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut", "a\tb"])
def test_an_idempotency_key_is_short_and_printable(admin, key):
    assert fault(admin.post("v1/keys", {"name": "x"}, idempotency_key=key)) == (400, "invalid_value", "Idempotency-Key")


def test_a_secret_is_repeated_in_no_error(admin):
    response = Door().get("v1/keys", authorization=f"Bearer {admin.secret}x")
    assert response.status_code == 401 and admin.secret not in json.dumps(response.json())


def test_a_failure_of_ours_is_an_error_in_json(admin, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret internals")

    monkeypatch.setattr("accounts.keys.create", fail)
    response = admin.post("v1/keys", {"name": "x"})
    assert fault(response) == (500, "internal_error", None)
    assert "internals" not in response.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {"name": 1},
        {"name": True},
        {"name": "x", "requests_per_minute": "5"},
        {"name": "x", "requests_per_minute": 5.0},
        {"name": "x", "requests_per_minute": True},
        {"name": "x", "allowed_models": [1]},
        {"name": "x", "allowed_networks": [127]},
        {"name": "x", "scopes": [1]},
    ],
)
def test_a_value_of_another_type_is_refused(admin, body):
    status, code, param = fault(admin.post("v1/keys", body))
    assert (status, code, param.partition(".")[0]) == (400, "invalid_value", next(reversed(body)))
    assert admin.get("v1/keys").json()["data"][1:] == []
