from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from catalog import prices
from catalog.models import LanguageModel, Plan, TokenClass
from catalog.seed import SEED_FILE

pytestmark = pytest.mark.django_db


def seed(path=None):
    said = StringIO()
    call_command("seed_catalog", *([str(path)] if path else []), stdout=said)
    return said.getvalue()


def test_it_fills_an_empty_catalog_and_then_agrees():
    assert "model deepseek-chat added" in seed()
    assert LanguageModel.objects.count() == Plan.objects.count() == 3
    assert "agrees" in seed()


def test_a_changed_price_becomes_a_new_row(tmp_path):
    seed()
    edited = tmp_path / "catalog.toml"
    edited.write_text(SEED_FILE.read_text().replace('output = "1.10"', 'output = "1.25"'))
    assert seed(edited) == "price of deepseek-chat output is now 1.25\n"
    model = LanguageModel.objects.get(name="deepseek-chat")
    assert prices.current(model, TokenClass.OUTPUT).unit_price == 1_250_000
    assert model.prices.filter(token_class=TokenClass.OUTPUT).count() == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[model", "catalog.toml"),
        ('[[model]]\nname = "x"\ncontext_length = 1\nmax_output = 1', "x lacks price"),
        ('[[plan]]\ncode = "x"\nname = "X"\nrequests_per_minute = 1\nmonthly_credit = 1.5', "float"),
        ('[[plan]]\ncode = "x y"\nname = "X"\nrequests_per_minute = 1\nmonthly_credit = "1"', "x y"),
    ],
)
def test_it_names_the_entry_that_is_wrong_and_changes_nothing(tmp_path, text, said):
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=said):
        seed(path)
    assert not LanguageModel.objects.exists() and not Plan.objects.exists()


def test_it_says_when_there_is_no_such_file(tmp_path):
    with pytest.raises(CommandError, match="missing"):
        seed(tmp_path / "missing.toml")
