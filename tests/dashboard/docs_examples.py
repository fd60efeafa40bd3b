"""The examples of the documentation, taken from its pages and run as a reader would."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from dashboard import docs_markdown, docs_site
from dashboard.docs_values import values
from tests.running import ROOT, RunningServer

_WITHOUT_A_SERVER = "http://docs.example"


@dataclass(frozen=True)
class Example:
    """A block of code: the page it stands on, its place there, its language and text."""

    page: str
    place: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}-{self.place}-{self.language}"

    def at(self, url: str) -> "Example":
        """The same with the address of a running server."""
        return self.moved(_WITHOUT_A_SERVER, url)

    def moved(self, before: str, after: str) -> "Example":
        """The same with another address."""
        return Example(self.page, self.place, self.language, self.code.replace(before, after))


def examples() -> list[Example]:
    """Every block of every page, once where it is the same in every language; needs a catalog with models."""
    request = RequestFactory().get("/", headers={"host": _WITHOUT_A_SERVER.removeprefix("http://")})
    request.user = AnonymousUser()
    known = values(request)
    found: dict[Example, None] = {}
    for slug in docs_site.SLUGS:
        for spoken, _name in settings.LANGUAGES:
            blocks = docs_markdown.code_blocks(docs_site.source(slug, docs_site.language_of(slug, spoken), known))
            found |= {Example(slug, place, kind, code): None for place, (kind, code) in enumerate(blocks)}
    return list(found)


def secrets(server: RunningServer) -> dict[str, str]:
    """A key that chats and one that manages, without a rate limit worth the name."""
    made = dict(line.split("=", 1) for line in server.manage("conformance_keys", "--skip-checks").splitlines())
    return {"METERHOUSE_KEY": made["API_KEY"], "METERHOUSE_ADMIN_KEY": made["ADMIN_KEY"]}


def run(example: Example, server: RunningServer, known: dict[str, str], folder: Path) -> str:
    """What the example prints; fails when it fails."""
    command = _command(example, folder)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=ROOT if example.page == "self-hosting" else folder,
        # What an example keeps at home must not end up in a developer's.
        env={**kept, "HOME": str(folder), **(server.environment if example.page == "self-hosting" else {}), **known},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{example}:\n{example.code}\n{done.stdout}\n{done.stderr}"
    # curl ends well whatever the answer was.
    assert example.language != "sh" or '"error"' not in done.stdout, f"{example}:\n{done.stdout}"
    return done.stdout


def _command(example: Example, folder: Path) -> list[str]:
    if example.language == "sh":
        return ["bash", "-euo", "pipefail", "-c", example.code]
    if example.language == "python":
        return [sys.executable, "-c", example.code]
    assert example.language == "js", example
    if not shutil.which("node") or not (ROOT / "node_modules" / "openai").exists():
        pytest.skip("node with the openai package is not installed")
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(ROOT / "node_modules")
    script = folder / f"{example}.mjs"
    script.write_text(example.code)
    return ["node", str(script)]


def shape(value: Any) -> Any:
    """The members of a JSON value and the kinds of what they hold."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def holds(answer: Any, shown: Any) -> bool:
    """Whether an answer has all that the page shows of it; it may have more."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(name in answer and holds(answer[name], shown[name]) for name in shown)
    if isinstance(shown, list):
        return isinstance(answer, list) and bool(answer) and holds(answer[0], shown[0])
    return bool(answer == shown)


def json_of(text: str) -> Any:
    return json.loads(text)
