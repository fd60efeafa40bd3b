"""The search of the documentation finds by heading, error code and word, and nothing that is typed becomes markup."""

import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from api.codes import CODES
from catalog.models import LanguageModel
from dashboard import docs_search
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]


def found(query: str, language: str = "en") -> list[str]:
    """The addresses of what is found, best first, as the page lists them."""
    client = Client(headers={"accept-language": language})
    page = client.get(f"/docs/search/?{urlencode({'q': query})}").content.decode()
    listed = re.findall(r'<li>\s*<a href="([^"]+)"', page[page.index("<main") :])
    short = client.get(f"/docs/search.json?{urlencode({'q': query})}").json()
    assert short["count"] == len(listed)
    assert [hit["url"] for hit in short["found"]] == listed[:8]
    return listed


FOUND = {
    "Quickstart": "/docs/quickstart/",
    "streaming": "/docs/streaming/",
    "insufficient_quota": "/docs/errors/#insufficient_quota",
    "CONTEXT_LENGTH_EXCEEDED": "/docs/errors/#context_length_exceeded",
    "When you get a 429": "/docs/rate-limits/#backoff",
    "x-ratelimit-remaining-requests": "/docs/rate-limits/#headers",
    "how do I regenerate a key": "/docs/faq/#regenerate",
    "  spending   LIMITS ": "/docs/faq/#spending-limits",
    "verifying signatures": "/docs/webhooks/#verify",
}


def test_headings_codes_headers_and_questions_are_found_first() -> None:
    for query, url in FOUND.items():
        assert url in found(query)[:3], query


FOUND_IN_CHINESE = {
    "速率限制": "/docs/rate-limits/",
    "遇到402怎么办": "/docs/usage-and-billing/#402",
    "如何重新生成密钥": "/docs/faq/#regenerate",
    "怎么验证签名": "/docs/webhooks/#verify",
    "流式 输出": "/docs/streaming/",
    "上下文长度": "/docs/models/#context",
    "ＧＤＰＲ": "/docs/faq/#gdpr",
    "insufficient_quota": "/docs/errors/#insufficient_quota",
    "备份数据库": "/docs/self-hosting/#backup",
    "消费限额": "/docs/faq/#spending-limits",
}


def test_chinese_is_found_without_spaces() -> None:
    for query, url in FOUND_IN_CHINESE.items():
        assert url in found(query, "zh-hans")[:3], query


def test_every_error_code_is_found_first() -> None:
    known = {"base_url": "http://docs.example/v1", "origin": "http://docs.example", "site_name": "Meterhouse"}
    for code in filter(None, CODES):
        assert docs_search.find(code, known)[0].url == f"/docs/errors/#{code}"


def test_all_words_count_before_some_of_them() -> None:
    both = found("webhook signature")
    assert both[0].startswith("/docs/webhooks/")
    assert len(both) < len(found("signature")) + len(found("webhook"))
    assert "/docs/webhooks/#verify" in found("signature verify zzzzz")
    assert found("zzzzz") == []


def test_one_finds_in_the_words_of_the_other_language() -> None:
    assert "/docs/streaming/" in found("streaming", "zh-hans")
    assert "/docs/rate-limits/#backoff" in found("retry the request", "zh-hans")
    assert "/docs/rate-limits/" in found("速率限制")[:3]


HOSTILE = [
    "",
    "   ",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ settings.SECRET_KEY }} {% now %}",
    "(((((((((", "[a-z]+", ".*", "\\", "a" * 5000, "的 是 了", "\x00\x01", "🙂🙂", "%", "' OR 1=1 --", "ﬁ ß İ ſ",
    "a " * 400, "钥", "./-", "_",
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_whatever_is_typed_is_text(language: str) -> None:
    client = Client(headers={"accept-language": language})
    for query in HOSTILE:
        answer = client.get(f"/docs/search/?{urlencode({'q': query})}")
        page = answer.content.decode()
        assert answer.status_code == 200, query
        assert page.count("<h1") == 1
        assert "<script>alert" not in page
        assert "<img" not in page


def test_names_in_the_catalog_stay_text_in_results() -> None:
    house("Alice")
    LanguageModel.objects.filter(name="deepseek-chat").update(description="<b>zebra</b> [x](javascript:alert(1))")
    page = Client().get("/docs/search/?q=zebra").content.decode()
    assert "&lt;b&gt;<mark>zebra</mark>&lt;/b&gt;" in page


def test_a_search_changes_nothing_and_sets_no_cookie() -> None:
    for path in ("/docs/search/?q=key", "/docs/search.json?q=key"):
        assert not Client().get(path).cookies
        assert Client().post(path).status_code == 405
