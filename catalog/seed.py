"""Read the seed file: the models, prices and plans that an operator edits as text."""

import tomllib
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from catalog import prices
from catalog.models import LanguageModel, Plan, TokenClass
from foundation.money import InvalidAmount, from_usd, price_from_usd_per_million

SEED_FILE = Path(__file__).with_name("seed.toml")


def seed(path: Path = SEED_FILE) -> list[str]:
    """Bring the catalog up to the file; lines that say what changed. Raises ValidationError naming the entry."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValidationError(f"{path}: {error}") from error
    with transaction.atomic():
        said: list[str] = []
        for position, entry in enumerate(data.get("model", []), start=1):
            said += _entry(path, entry, "name", _model, position)
        for position, entry in enumerate(data.get("plan", []), start=1):
            said += _entry(path, entry, "code", _plan, position)
        return said


def _entry(path: Path, entry: dict[str, Any], key: str, verb: Any, position: int) -> list[str]:
    try:
        result: list[str] = verb(dict(entry), position)
        return result
    except KeyError as error:
        raise ValidationError(f"{path}: {entry.get(key, position)} lacks {error.args[0]}.") from error
    except (InvalidAmount, ValidationError) as error:
        raise ValidationError(f"{path}: {entry.get(key, position)}: {error}") from error


def _model(entry: dict[str, Any], position: int) -> list[str]:
    price = entry.pop("price")
    if "successor" in entry:
        entry["successor"] = _named(entry["successor"])
    model = LanguageModel.objects.filter(name=entry["name"]).first()
    said = [] if model else [f"model {entry['name']} added"]
    model = model or LanguageModel(name=entry["name"])
    for field, value in {**entry, "position": position}.items():
        setattr(model, field, value)
    model.full_clean()
    model.save()
    for token_class in TokenClass:
        unit_price = price_from_usd_per_million(price[token_class.value])
        before = prices.current(model, token_class)
        after = prices.set_price(model, token_class, unit_price)
        if before and before.pk != after.pk:
            said.append(f"price of {model.name} {token_class.value} is now {price[token_class.value]}")
    return said


def _named(name: str) -> LanguageModel:
    found = LanguageModel.objects.filter(name=name).first()
    if found is None:
        raise ValidationError(f"its successor {name} does not stand before it.")
    return found


def _plan(entry: dict[str, Any], position: int) -> list[str]:
    entry["monthly_credit"] = from_usd(entry["monthly_credit"])
    plan = Plan.objects.filter(code=entry["code"]).first()
    said = [] if plan else [f"plan {entry['code']} added"]
    plan = plan or Plan(code=entry["code"])
    for field, value in {"position": position, **entry}.items():
        setattr(plan, field, value)
    plan.full_clean()
    plan.save()
    return said
