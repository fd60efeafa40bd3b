"""What the API says of a request is read in Chinese on pages, and stays English in the API."""

import re

import pytest
from django.utils import translation

from accounts import keys
from billing import explanation, limits
from billing.explanation import Question
from billing.limits import Terms
from dashboard import api_words
from tests.billing.desk import admit, ask, serve_all_models
from tests.dashboard.metered import logged_in
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    made = house()
    serve_all_models()
    return made


def explained(key_id: int, **more: object) -> str:
    asked = {"model": "deepseek-chat", "input_tokens": 30, "max_tokens": 50, "key_id": key_id, **more}
    return explanation.explain(Question(**asked)).message  # type: ignore[arg-type]


def in_chinese(message: str) -> str:
    """The message, which has no English words left but names."""
    assert api_words.said(message) == message
    with translation.override("zh-hans"):
        said = api_words.said(message)
    left = re.sub(r"`[^`]+`|Alice's|\bweb\b|max_tokens|token|API|UTC", "", said)
    assert not re.search(r"[A-Za-z]", left), said
    return said


def test_every_answer_of_an_explanation(alice: House) -> None:
    key, secret = alice.key("web")
    assert in_chinese(explained(key.pk)) == "可以受理：最多会预留 $0.0000631。"
    in_chinese(explained(key.pk, model="nothing"))
    in_chinese(explained(key.pk, input_tokens=40_000))
    in_chinese(explained(0))
    in_chinese(explained(key.pk, input_tokens=10_000, max_tokens=1_000_000_000))
    limits.set_limit(key, Terms("tokens", 60, "month"), alice.actor)
    said = in_chinese(explained(key.pk))
    assert "API 密钥 web 已使用或预留 0 个 token（每月 token 限额为 60 个 token）" in said
    limits.set_limit(alice.organization, Terms("usd", 10, "day"), alice.actor)
    limits.remove(limits.active(alice.organization).get(measure="tokens"))
    in_chinese(explained(key.pk))
    in_chinese(explained(key.pk, max_tokens=None))
    limits.remove(limits.active(alice.organization).get())
    in_chinese(explained(key.pk, input_tokens=60_000_000))
    keys.restrict(key, keys.Restrictions(requests_per_minute=2), alice.actor)
    key.refresh_from_db()
    admit(*[ask(key, secret)] * 2)
    in_chinese(explained(key.pk))
    keys.disable(key, alice.actor)
    in_chinese(explained(key.pk))


def test_what_is_not_known_stays_as_it_is() -> None:
    with translation.override("zh-hans"):
        assert api_words.said("Wait and try again. Then do something else.").startswith("Wait and try again.")


def test_the_page_of_limits(alice: House) -> None:
    alice.owner.language = "zh-hans"
    alice.owner.save()
    key, _ = alice.key("web")
    limits.set_limit(key, Terms("requests", 5, "day"), alice.actor)
    query = f"?key={key.public_id}&model=deepseek-chat&input_tokens=30&max_tokens=50"
    text = logged_in(alice.owner).get(f"/limits/{query}").content.decode()
    assert "可以受理" in text and "每日请求限额" in text
    assert "Allowed" not in text and "requests per minute" not in text.lower()
