"""The page server, the health answers and the line between the doors, on the real server."""

import json
import urllib.error
import urllib.request

import pytest

pytestmark = [pytest.mark.server, pytest.mark.database]


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_it_says_that_it_is_alive(server):
    status, headers, body = get(f"{server.url}/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert headers["content-type"] == "application/json"
    assert "server" not in headers


def test_it_says_that_it_is_ready(server):
    status, _, body = get(f"{server.url}/readyz")
    assert status == 200
    assert json.loads(body) == {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "bridge": "ok"}}


def test_health_answers_whatever_the_host_name(server):
    assert get(f"{server.url}/healthz", Host="10.0.0.7")[0] == 200


def test_gateway_paths_never_reach_the_pages(server):
    for path in ("/v1", "/v1/", "/v1/nothing", "/user/balance", "/v1/models"):
        status, headers, body = get(server.url + path)
        assert status in (401, 404), path
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
        assert "set-cookie" not in headers


def test_pages_carry_a_strict_policy(server):
    _, headers, _ = get(f"{server.url}/accounts/login/")
    directives = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]


def test_the_first_start_prints_a_key_and_a_line_that_works(server):
    first = server.first_start
    assert set(first) == {"e-mail", "password", "API key"}
    body = json.dumps({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello!"}]}).encode()
    headers = {"Authorization": f"Bearer {first['API key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.loads(answer.read())["choices"][0]["message"]["content"]
