"""What scripts learn of a model: what it can do, and when it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import LanguageModel
from tests.api.client import fault

pytestmark = pytest.mark.django_db
TOLD = ("features", "ignored_parameters", "retired_at", "successor")


def told(body):
    return tuple(body[name] for name in TOLD)


def test_a_model_says_what_it_can_do_and_no_more(admin):
    assert told(admin.get("v1/models/deepseek-chat").json()) == (["tools", "json"], [], None, None)
    assert told(admin.get("v1/models/deepseek-math").json()) == ([], [], None, None)
    LanguageModel.objects.filter(name="deepseek-math").update(
        takes_reasoning_effort=True, features=["json"], ignored_parameters=["temperature"]
    )
    assert told(admin.get("v1/models/deepseek-math").json())[:2] == (["json", "reasoning"], ["temperature"])


def test_an_end_is_announced_with_what_to_use_instead(admin):
    end = timezone.now().replace(microsecond=0) + timedelta(days=7)
    coder = LanguageModel.objects.get(name="deepseek-coder")
    LanguageModel.objects.exclude(pk=coder.pk).update(retired_at=end, successor=coder)
    listed = {one["id"]: told(one)[2:] for one in admin.get("v1/models").json()["data"]}
    ending = (f"{end:%Y-%m-%dT%H:%M:%SZ}", "deepseek-coder")
    assert listed == {"deepseek-chat": ending, "deepseek-coder": (None, None), "deepseek-math": ending}
    LanguageModel.objects.filter(name="deepseek-math").update(retired_at=timezone.now())
    assert fault(admin.get("v1/models/deepseek-math"))[:2] == (404, "not_found")
