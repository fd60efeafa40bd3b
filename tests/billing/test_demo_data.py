"""`manage.py demo_data`: it prints the log-in once, and a second run changes nothing."""

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.models import User
from billing import demo_history, demo_organization, opening
from catalog.models import LanguageModel
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db


def test_a_second_run_says_that_it_is_there():
    first, second, third = io.StringIO(), io.StringIO(), io.StringIO()
    opening.seed_if_empty()
    demo_history.make("long enough word", lambda done, total: None, days=2)
    events = UsageEvent.objects.count()
    call_command("demo_data", stdout=first)
    assert "is there" in first.getvalue() and "password" in first.getvalue()
    call_command("demo_data", "--password", "another long word", stdout=second)
    call_command("demo_data", stdout=third)
    assert UsageEvent.objects.count() == events
    assert User.objects.filter(email=demo_organization.OWNER).count() == 1
    assert authenticate(email=demo_organization.OWNER, password="another long word")


def test_the_first_run_prints_the_log_in(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(demo_history.make, "__defaults__", (None, 1))
    call_command("demo_data", stdout=out)
    password = out.getvalue().partition("password")[2].split()[0]
    assert demo_organization.OWNER in out.getvalue()
    assert authenticate(email=demo_organization.OWNER, password=password)


def test_it_needs_the_models_of_the_seed_file():
    opening.seed_if_empty()
    LanguageModel.objects.filter(name="deepseek-math").update(name="other")
    with pytest.raises(CommandError, match="deepseek-math"):
        call_command("demo_data")
    assert not User.objects.exists()
