"""The catalogs are complete, agree with what they translate, and are what is compiled."""

import ast
import gettext
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import ROOT

FOLDER = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|%%|</?\w+>")


@dataclass
class Entry:
    """One message of a catalog: `forms` are the original and its plural."""

    forms: list[str]
    translation: str = ""
    is_fuzzy: bool = False
    # Tells two meanings of the same words apart.
    context: str = ""


def entries(path: Path) -> list[Entry]:
    """Every message but the header."""
    found: list[Entry] = []
    fuzzy, target, context = False, "", ""
    for line in path.read_text().splitlines():
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy = True
        elif line.startswith("msgid_plural "):
            found[-1].forms.append(ast.literal_eval(line.removeprefix("msgid_plural ")))
            target = "form"
        elif line.startswith("msgctxt "):
            context = ast.literal_eval(line.removeprefix("msgctxt "))
        elif line.startswith("msgid "):
            found.append(Entry([ast.literal_eval(line.removeprefix("msgid "))], is_fuzzy=fuzzy, context=context))
            fuzzy, target, context = False, "form", ""
        elif line.startswith("msgstr"):
            found[-1].translation = ast.literal_eval(line.partition(" ")[2])
            target = "translation"
        elif line.startswith('"') and target == "form":
            found[-1].forms[-1] += ast.literal_eval(line)
        elif line.startswith('"'):
            found[-1].translation += ast.literal_eval(line)
    return [entry for entry in found if entry.forms[0]]


@pytest.mark.parametrize("domain", DOMAINS)
def test_everything_is_translated(domain: str) -> None:
    found = entries(FOLDER / f"{domain}.po")
    assert len(found) > 100
    assert [entry.forms[0] for entry in found if not entry.translation or entry.is_fuzzy] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_placeholders_and_marks_stay(domain: str) -> None:
    for entry in entries(FOLDER / f"{domain}.po"):
        asked = set(_PLACEHOLDER.findall(" ".join(entry.forms)))
        assert set(_PLACEHOLDER.findall(entry.translation)) == asked, entry.forms[0]


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_is_compiled_is_what_is_written(domain: str) -> None:
    with (FOLDER / f"{domain}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in entries(FOLDER / f"{domain}.po"):
        assert _said(compiled, entry) == entry.translation


def _said(compiled: gettext.GNUTranslations, entry: Entry) -> str:
    if len(entry.forms) > 1:
        return compiled.ngettext(*entry.forms, 2)
    if entry.context:
        return compiled.pgettext(entry.context, entry.forms[0])
    return compiled.gettext(entry.forms[0])


def test_no_words_stand_in_a_formatted_text_where_they_are_not_collected() -> None:
    hidden = []
    for folder in ROOT.iterdir():
        for path in folder.rglob("*.py") if (folder / "__init__.py").exists() and folder.name != "tests" else ():
            for text in ast.walk(ast.parse(path.read_text())):
                calls = [one.func for one in ast.walk(text) if isinstance(one, ast.Call)]
                names = {one.id for one in calls if isinstance(one, ast.Name)}
                if isinstance(text, ast.JoinedStr) and names & {"_", "gettext", "ngettext", "pgettext", "npgettext"}:
                    hidden.append(f"{path.relative_to(ROOT)}:{text.lineno}")
    assert hidden == []


def test_collecting_again_finds_nothing_new(tmp_path: Path) -> None:
    if not shutil.which("xgettext"):
        pytest.skip("gettext's tools are not installed")
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "node_modules", "var", "staticfiles", "vendor", ".*_cache", "tests"
        ),
    )
    (copy / ".venv").symlink_to(ROOT / ".venv")
    done = subprocess.run([copy / "script" / "messages"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
