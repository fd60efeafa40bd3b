"""Each page is there in each language and says the same: anchors, code, names, links and tables are the same."""

import re
from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory, override_settings
from django.utils.translation import override
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dashboard import docs_markdown, docs_site
from dashboard.docs_values import values
from tests.dashboard.test_language import english

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]
OTHERS = [code for code, _name in settings.LANGUAGES if code != docs_site.SOURCE_LANGUAGE]
HAN = re.compile(r"[\u4e00-\u9fff]")
# Houses that differ in all that a page may ask about.
BARE: dict[str, Any] = {"SIGNUP_OPEN": False, "STATUS_PUBLIC": False}
FULL: dict[str, Any] = {
    "PUBLIC_URL": "https://llm.example.com",
    "SUPPORT_URL": "mailto:help@example.com",
    "FORUM_URL": "https://forum.example.com",
    "CHAT_URL": "https://chat.example.com",
}


def known() -> dict[str, Any]:
    request = RequestFactory().get("/", headers={"host": "docs.example"})
    request.user = AnonymousUser()
    return values(request)


def facts(source: str) -> dict[str, Any]:
    """What does not depend on the language of the words."""
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(source)
    inner = [child for token in tokens for child in token.children or ()]
    return {
        "anchors": [(one.level, one.anchor) for one in docs_markdown.render(source).headings],
        "code": docs_markdown.code_blocks(source),
        "names": {child.content for child in inner if child.type == "code_inline"},
        "links": Counter(str(child.attrGet("href")) for child in inner if child.type == "link_open"),
        "rows": _rows(tokens),
        "items": sum(token.type == "list_item_open" for token in tokens),
    }


def _rows(tokens: list[Token]) -> list[int]:
    """How many rows each table has."""
    tables: list[int] = []
    for token in tokens:
        if token.type == "table_open":
            tables.append(0)
        elif token.type == "tr_open":
            tables[-1] += 1
    return tables


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("house", [BARE, FULL], ids=["bare", "full"])
def test_every_page_says_the_same_in_every_language(language: str, house: dict[str, Any]) -> None:
    with override_settings(**house):
        here = known() | {"is_demo": house is FULL}
    for slug in docs_site.SLUGS:
        assert (docs_site.FOLDER / language / f"{slug}.md").exists(), f"{slug} is not there in {language}"
        ours = facts(docs_site.source(slug, docs_site.SOURCE_LANGUAGE, here))
        theirs = facts(docs_site.source(slug, language, here))
        for kind, value in ours.items():
            assert theirs[kind] == value, f"{slug} in {language}: {kind}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_page_is_left_over(language: str) -> None:
    assert {path.stem for path in (docs_site.FOLDER / language).iterdir()} == set(docs_site.SLUGS)


def test_chinese_pages_are_in_chinese() -> None:
    here = known()
    with override("zh-hans"):
        for slug in docs_site.SLUGS:
            content = docs_site.page(slug, here).content
            assert HAN.search(content.summary), slug
            assert not re.search(r"[\u4e00-\u9fff][,;!?]|[,;!?][\u4e00-\u9fff]", content.summary), slug
            for section in content.sections:
                # The list of changes is written in English.
                if slug != "changelog" or section.anchor in ("", "stability"):
                    assert HAN.search(section.title + section.text), f"{slug}#{section.anchor}"


def test_what_stands_around_a_page_is_in_its_language() -> None:
    client = Client(headers={"accept-language": "zh-CN"})
    for slug in ("quickstart", "errors", "webhooks"):
        page = client.get(f"/docs/{slug}/").content.decode()
        assert '<article class="prose" lang="zh-hans">' in page
        outside = page[: page.index("<article")] + page[page.index("</article>") :]
        left = [words for words in english(outside) if words not in {"SDK"} and not re.fullmatch(r"\w+_\w+", words)]
        assert left == [], slug
