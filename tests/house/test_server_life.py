"""Starting, stopping and starting again."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from config import server as house_server
from tests.running import ROOT
from tests.waiting import LONG, until

pytestmark = [pytest.mark.server, pytest.mark.database]


def open_stream(server, words):
    """A connection in the middle of a streamed answer of about `words` tokens."""
    body = {"model": "deepseek-chat", "stream": True, "messages": [{"role": "user", "content": "word " * words}]}
    data = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {server.first_start['API key']}", "Content-Type": "application/json"}
    answer = urllib.request.urlopen(
        urllib.request.Request(f"{server.url}/v1/chat/completions", data, headers), timeout=2 * LONG
    )
    # Comments come while the provider is slow to begin.
    while (line := answer.readline()).startswith(b":") or line == b"\n":
        pass
    assert line.startswith(b"data: ")
    return answer


def under_way(server):
    """How many requests hold credit at this moment."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=LONG) as answer:
        return float(re.search(rb"^meterhouse_active_holds (\S+)$", answer.read(), re.MULTILINE)[1])


def test_a_stop_lets_streams_end(server_factory):
    server = server_factory()
    answer = open_stream(server, 400)
    server._process.terminate()
    assert answer.read().endswith(b"data: [DONE]\n\n")
    assert server.stop() == 0


def test_a_stop_that_cannot_wait_says_so_to_every_client(server_factory):
    server = server_factory(DRAIN_SECONDS="1")
    stream = open_stream(server, 6000)
    whole: list[urllib.error.HTTPError] = []

    def ask() -> None:
        body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "word " * 6000}]}
        headers = {"Authorization": f"Bearer {server.first_start['API key']}", "Content-Type": "application/json"}
        url = f"{server.url}/v1/chat/completions"
        try:
            urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=2 * LONG)
        except urllib.error.HTTPError as error:
            whole.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    assert until(lambda: under_way(server) == 2)
    server._process.terminate()
    last = [line for line in stream.read().split(b"\n\n") if line.startswith(b"data: ")][-1]
    assert json.loads(last[6:])["error"]["code"] == "server_overloaded"
    asker.join(LONG)
    [refused] = whole
    assert refused.code == 503
    assert refused.headers["x-request-id"]
    assert "restarted" in json.loads(refused.read())["error"]["message"]
    assert server.stop() == 0


def test_readyz_says_no_before_a_stop(server_factory):
    server = server_factory(SHUTDOWN_DELAY="8")
    server._process.terminate()

    def refused():
        try:
            urllib.request.urlopen(f"{server.url}/readyz", timeout=LONG).close()
        except urllib.error.HTTPError as error:
            said.append(error)
        return said

    said: list[urllib.error.HTTPError] = []
    assert until(refused)
    assert said[0].code == 503
    assert json.loads(said[0].read())["checks"] == {"server": "stopping"}
    assert urllib.request.urlopen(f"{server.url}/healthz", timeout=LONG).status == 200
    assert server.stop() == 0


def test_the_second_start_keeps_keys_and_prints_no_secret(server_factory):
    server = server_factory()
    key = server.first_start["API key"]
    assert server.stop() == 0
    server.start()
    assert server.output.count(key) == 2
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{server.url}/v1/models", headers=headers)
    assert urllib.request.urlopen(request, timeout=LONG).status == 200


def children_of(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(child) for child in listed.stdout.split()]


def test_the_demo_provider_ends_with_a_killed_server(server_factory):
    server = server_factory()
    [child] = children_of(server.pid)
    server.kill()
    assert until(lambda: subprocess.run(["ps", "-p", str(child)], capture_output=True, check=False).returncode)


def test_a_second_server_on_the_same_folder_needs_redis(server_factory):
    server = server_factory()
    done = serve(server.data_dir, "--port", "0")
    assert done.returncode == 1
    assert "Another server runs on" in done.stderr


def test_a_demo_provider_that_dies_comes_back(server_factory):
    server = server_factory()
    [child] = children_of(server.pid)
    os.kill(child, signal.SIGKILL)

    def answers():
        with contextlib.suppress(urllib.error.HTTPError):
            assert open_stream(server, 3).read().endswith(b"data: [DONE]\n\n")
            return True
        return False

    assert until(answers, 2 * LONG)


def test_a_port_that_is_none_is_named(tmp_path):
    done = serve(tmp_path, "--port", "99999")
    assert done.returncode == 1
    assert "99999 is no port" in done.stderr


def test_several_workers_need_redis(tmp_path):
    done = serve(tmp_path, "--workers", "2")
    assert done.returncode == 1
    assert "REDIS_URL" in done.stderr


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = serve(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot be used: Address already in use" in done.stderr


def test_a_folder_that_takes_no_settlements_is_named_before_it_is_needed(tmp_path):
    (tmp_path / "file").touch()
    secrets = {name: name.lower() * 8 for name in ("SECRET_KEY", "KEY_PEPPER", "ENCRYPTION_KEY")}
    production = {"METERHOUSE_ENV": "production", "ALLOWED_HOSTS": "localhost", "REDIS_URL": "redis://127.0.0.1:1"}
    folder = str(tmp_path / "file" / "data")
    done = serve(tmp_path, "--port", "0", DATA_DIR=folder, **production, **secrets)
    assert done.returncode == 1
    assert f"DATA_DIR={folder}: Not a directory." in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/name", "The database name on 127.0.0.1, 1 (DATABASE_URL)"),
        ("CATALOG_FILE", "/nowhere.toml", "CATALOG_FILE: /nowhere.toml: "),
        ("UPSTREAM_BASE_URL", "host/v1", "UPSTREAM_BASE_URL: The base URL is http:// or https://"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_line(tmp_path, name, value, said):
    done = serve(tmp_path, "--port", "0", **{name: value})
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr


def test_no_workers_serve_nobody(tmp_path):
    done = serve(tmp_path, "--port", "0", "--workers", "0")
    assert done.returncode == 1
    assert "--workers is 1 or more" in done.stderr


def test_a_worker_that_starts_slowly_is_waited_for():
    assert house_server.configuration(2).timeout_worker_healthcheck >= 60


@pytest.mark.redis
def test_several_workers_serve_with_redis(server_factory, redis_url):
    server = server_factory(workers=2, redis_url=redis_url)
    key = server.first_start["API key"]
    for _ in range(8):
        request = urllib.request.Request(f"{server.url}/v1/models", headers={"Authorization": f"Bearer {key}"})
        assert urllib.request.urlopen(request, timeout=LONG).status == 200
    assert server.stop() == 0


@pytest.mark.redis
def test_workers_do_not_outlive_a_parent_that_is_killed(server_factory, redis_url):
    server = server_factory(workers=2, redis_url=redis_url)
    server.kill()

    def is_silent():
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", server.port)) != 0

    assert until(is_silent)
    server.start()
    assert server.stop() == 0


def serve(tmp_path, *arguments, **extra):
    command = [sys.executable, "manage.py", "serve", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path), **extra}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=2 * LONG, check=False
    )
