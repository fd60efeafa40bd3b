"""Starting, stopping and starting again."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.running import ROOT

pytestmark = [pytest.mark.server, pytest.mark.database]


def open_stream(server, words):
    """A connection in the middle of a streamed answer of about `words` tokens."""
    body = {"model": "deepseek-chat", "stream": True, "messages": [{"role": "user", "content": "word " * words}]}
    data = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {server.first_start['API key']}", "Content-Type": "application/json"}
    answer = urllib.request.urlopen(
        urllib.request.Request(f"{server.url}/v1/chat/completions", data, headers), timeout=60
    )
    assert answer.readline().startswith(b"data: ")
    return answer


def test_a_stop_lets_streams_end(server_factory):
    server = server_factory()
    answer = open_stream(server, 400)
    server._process.terminate()
    assert answer.read().endswith(b"data: [DONE]\n\n")
    assert server.stop() == 0


def test_readyz_says_no_before_a_stop(server_factory):
    server = server_factory(SHUTDOWN_DELAY="3")
    server._process.terminate()
    time.sleep(0.5)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/readyz", timeout=5)
    assert refused.value.code == 503
    assert json.loads(refused.value.read())["checks"] == {"server": "stopping"}
    assert urllib.request.urlopen(f"{server.url}/healthz", timeout=5).status == 200
    assert server.stop() == 0


def test_the_second_start_keeps_keys_and_prints_no_secret(server_factory):
    server = server_factory()
    key = server.first_start["API key"]
    assert server.stop() == 0
    server.start()
    assert server.output.count(key) == 2
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{server.url}/v1/models", headers=headers)
    assert urllib.request.urlopen(request, timeout=10).status == 200


def test_the_demo_provider_ends_with_a_killed_server(server_factory):
    server = server_factory()
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.pid)], capture_output=True, text=True, check=True
    )
    pids = children.stdout.split()
    assert len(pids) == 1
    server.kill()
    for _ in range(100):
        if subprocess.run(["ps", "-p", pids[0]], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)
    pytest.fail("the demo provider is still there")


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


@pytest.mark.redis
def test_several_workers_serve_with_redis(server_factory, redis_url):
    server = server_factory(workers=2, redis_url=redis_url)
    key = server.first_start["API key"]
    for _ in range(8):
        request = urllib.request.Request(f"{server.url}/v1/models", headers={"Authorization": f"Bearer {key}"})
        assert urllib.request.urlopen(request, timeout=10).status == 200
    assert server.stop() == 0


def serve(tmp_path, *arguments):
    command = [sys.executable, "manage.py", "serve", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
