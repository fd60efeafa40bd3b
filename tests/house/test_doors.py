"""The page server, the health answers and the line between the doors, on the real server."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.running import ROOT
from tests.waiting import LONG

pytestmark = [pytest.mark.server, pytest.mark.database]


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=LONG) as answer:
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


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/chat/completions", "Did you mean /v1/chat/completions?"),
        ("/chat/completions/", "Did you mean /v1/chat/completions?"),
        ("/v1/v1/chat/completions", "Did you mean /v1/chat/completions?"),
        ("/v1/models/", "Did you mean /v1/models?"),
        ("/user/balance/", "Did you mean /user/balance?"),
        ("/embeddings", "See the documentation."),
    ],
)
def test_a_base_url_that_is_not_quite_right_is_told(server, asked, meant):
    status, headers, body = get(server.url + asked)
    assert (status, headers["content-type"]) == (404, "application/json")
    error = json.loads(body)["error"]
    assert (error["code"], error["message"]) == ("unknown_url", f"Unknown request URL: GET {asked}. {meant}")


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
    with urllib.request.urlopen(request, timeout=LONG) as answer:
        assert json.loads(answer.read())["choices"][0]["message"]["content"]


ADMINISTRATION = """
import OpenAI from "openai";

const asked = JSON.parse(process.argv.at(-1));
const chat = new OpenAI({ baseURL: `${asked.url}/v1`, apiKey: asked.key });
const done = await chat.chat.completions.create({
  model: "deepseek-chat", max_tokens: 8, messages: [{ role: "user", content: "Hello!" }],
});
const client = new OpenAI({ baseURL: `${asked.url}/v1`, adminAPIKey: asked.admin, maxRetries: 0 });
const { adminAPIKeys, projects, usage, users } = client.admin.organization;
const made = await adminAPIKeys.create({ name: "from Node" });
const other = new OpenAI({ baseURL: `${asked.url}/v1`, adminAPIKey: made.value, maxRetries: 0 });
const project = await other.admin.organization.projects.create({ name: "from Node" });
const names = [];
for await (const key of adminAPIKeys.list({ limit: 1 })) names.push(key.name);
const archived = await projects.archive(project.id);
const open = [];
for await (const one of projects.list({ limit: 1 })) open.push(one.id);
const gone = await adminAPIKeys.delete(made.id);
let refused;
await other.admin.organization.projects.list().catch((error) => { refused = [error.constructor.name, error.code]; });
const since = { start_time: Math.floor(Date.now() / 1000) - 3600 };
const used = await usage.completions({ ...since, bucket_width: "1d", group_by: ["model"] });
const costs = await usage.costs(since);
const results = (page) => page.data.flatMap((bucket) => bucket.results);
console.log(JSON.stringify({
  asked: done.usage.prompt_tokens, names, archived: archived.status, open: open.includes(project.id),
  gone: gone.deleted, refused, used: results(used), costs: results(costs), people: (await users.list()).data.length,
}));
"""


def test_openais_client_for_node_administers_through_both_doors(server):
    """The gateway answers reports; the API answers what is about keys and projects. One client, one address."""
    if not shutil.which("node") or not (ROOT / "node_modules" / "openai").exists():
        pytest.skip("node with the openai package is not installed")
    made = dict(line.split("=", 1) for line in server.manage("conformance_keys", "--skip-checks").splitlines())
    asked = json.dumps({"url": server.url, "key": made["API_KEY"], "admin": made["ADMIN_KEY"]})
    command = ["node", "--input-type=module", "-e", ADMINISTRATION, "--", asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * LONG, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "from Node" in seen["names"] and len(seen["names"]) >= 2
    assert (seen["archived"], seen["open"], seen["gone"]) == ("archived", False, True)
    assert seen["refused"] == ["AuthenticationError", "invalid_api_key"]
    [used] = [one for one in seen["used"] if one["model"] == "deepseek-chat"]
    assert used["object"] == "organization.usage.completions.result"
    assert used["input_tokens"] >= seen["asked"] > 0 and used["num_model_requests"] >= 1
    [cost] = seen["costs"]
    assert cost["object"] == "organization.costs.result" and cost["amount"]["currency"] == "usd"
    assert cost["amount"]["value"] > 0 and seen["people"] >= 1
