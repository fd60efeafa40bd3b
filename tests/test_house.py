"""The rules of the house that no tool checks: who owns tables, who owns URLs, what points where, what a sign says."""

import ast
import importlib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
# From left to right: imports and foreign keys point left only.
ROOMS = ["foundation", "accounts", "catalog", "usage", "billing"]
DOORS = ["gateway", "dashboard", "api"]
LINE = [*ROOMS, *DOORS, "config"]
VAGUE = {"utils", "helpers", "common", "services", "misc", "core", "manager", "managers", "util", "helper"}


def modules(room):
    return [path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]


def place(room):
    """How far right; the two page doors stand side by side."""
    return LINE.index("dashboard" if room == "api" else room)


@pytest.mark.parametrize("room", LINE)
def test_every_room_has_a_sign(room):
    sign = importlib.import_module(room).__doc__ or ""
    for word in ("Owns: ", "Does not own: ", "Called by: "):
        assert f"\n{word}" in sign, f"{room}/__init__.py does not say {word!r}"


@pytest.mark.parametrize("room", [*DOORS, "foundation", "config"])
def test_only_rooms_own_tables(room):
    config = apps.app_configs.get(room)
    assert not list(config.get_models()) if config else not (ROOT / room / "models.py").exists()
    assert not (ROOT / room / "migrations").exists()


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_own_no_urls_and_no_pages(room):
    named = {path.relative_to(ROOT / room).parts[0].removesuffix(".py") for path in modules(room)}
    assert not named & {"urls", "views", "templates", "static"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_nothing_of_pages(room):
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[2] not in ("urls", "shortcuts", "views", "template"), path


def test_no_url_leads_into_a_room():
    def callbacks(resolver):
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                yield from callbacks(pattern)
            elif isinstance(pattern, URLPattern):
                yield pattern.callback.__module__.partition(".")[0]

    assert not set(callbacks(get_resolver())) & set(ROOMS)


@pytest.mark.parametrize("room", ["accounts", "catalog", "usage", "billing"])
def test_no_foreign_key_points_right(room):
    for model in apps.get_app_config(room).get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey | models.ManyToManyField):
                target = field.related_model._meta.app_label
                assert target not in LINE or place(target) <= place(room), f"{model.__name__}.{field.name} -> {target}"


@pytest.mark.parametrize("room", LINE)
def test_file_names_say_what_they_hold(room):
    assert not {path.stem for path in modules(room)} & VAGUE
    assert not {path.parent.name for path in modules(room)} & VAGUE


@pytest.mark.parametrize("room", ROOMS)
def test_no_signal_carries_news_between_rooms(room):
    """News travels upward by being read; only Django's own post_migrate is listened to."""
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in ("django.db.models.signals", "django.dispatch"):
                assert {name.name for name in node.names} <= {"post_migrate"}, path


@pytest.mark.parametrize("room", LINE)
def test_imports_stand_at_the_top(room):
    for path in modules(room):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                hidden = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
                assert not hidden, f"{path.relative_to(ROOT)}:{hidden[0].lineno} hides an import in a function"


def test_the_tree_names_no_registry():
    """Lock files hold hashes and no addresses: each machine uses the index that it is configured for."""
    for name in ("requirements.lock", "requirements-dev.lock", "script/uv.lock", "package-lock.json", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text().replace("https://opencollective.com", ""), name
