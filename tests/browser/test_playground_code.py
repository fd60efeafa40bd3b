"""The code that the playground shows runs as it is and asks for exactly the same."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.playground import Playground, chromium_running, opened
from tests.running import RunningServer
from tests.waiting import LONG

pytestmark = [pytest.mark.server, pytest.mark.browser]
# Quotes, a new line, and what a shell would replace.
TEXT = 'It\'s "quoted"\nand $HOME `ls` \\n é 漢字'


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def shared(server: RunningServer, browser: Browser) -> Iterator[Playground]:
    with opened(browser, server) as page:
        yield page


@pytest.fixture
def playground(shared: Playground) -> Playground:
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    return shared


def prepare(playground: Playground, *, stream: bool) -> None:
    """A draft and parameters that are not sent yet."""
    page = playground.page
    page.fill('[name="system"]', "Answer with an echo.")
    page.fill('[name="temperature"]', "0.5")
    page.press('[name="temperature"]', "Tab")
    page.set_checked('[name="stream"]', stream)
    page.fill("#pg-message", TEXT)


def exported(playground: Playground, language: str) -> str:
    page = playground.page
    page.click("#pg-show-code")
    page.click(f'[data-language="{language}"]')
    text = page.inner_text("#pg-code-text")
    page.keyboard.press("Escape")
    assert "sk-" not in text
    return text


def run(command: list[str], server: RunningServer, text: str = "") -> str:
    environment = {**server.environment, "METERHOUSE_KEY": server.first_start["API key"]}
    done = subprocess.run(
        command, input=text, env=environment, capture_output=True, text=True, timeout=2 * LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("stream", [True, False])
def test_the_python_code_gets_the_answer(playground: Playground, stream: bool) -> None:
    prepare(playground, stream=stream)
    code = exported(playground, "python")
    assert "temperature=0.5" in code
    assert ("stream=True" in code) is stream
    assert run([sys.executable, "-"], playground.server, code).strip() == TEXT


@pytest.mark.parametrize("stream", [True, False])
def test_the_curl_line_gets_the_answer(playground: Playground, stream: bool) -> None:
    prepare(playground, stream=stream)
    line = exported(playground, "curl")
    assert f"{playground.server.url}/v1/chat/completions" in line
    answer = run(["sh"], playground.server, line)
    assert ("data: [DONE]" in answer) is stream
    if not stream:
        assert json.loads(answer)["choices"][0]["message"]["content"] == TEXT


@pytest.mark.parametrize("stream", [True, False])
def test_the_node_code_is_a_program(playground: Playground, tmp_path: Path, stream: bool) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed on this machine")
    prepare(playground, stream=stream)
    code = exported(playground, "node")
    assert "process.env.METERHOUSE_KEY" in code
    (tmp_path / "program.mjs").write_text(code)
    run([node, "--check", str(tmp_path / "program.mjs")], playground.server)


def test_the_json_is_what_is_sent(playground: Playground) -> None:
    prepare(playground, stream=True)
    shown = json.loads(exported(playground, "json"))
    with playground.page.expect_request("**/playground/chat/") as sent:
        playground.page.press("#pg-message", "Enter")
    assert sent.value.post_data_json == shown
    assert [message["role"] for message in shown["messages"]] == ["system", "user"]
