"""No page escapes the tests that look at every page."""

from collections.abc import Iterator
from typing import Any

from allauth import urls as account_urls
from django.urls import URLPattern, URLResolver

from dashboard import urls as dashboard_urls
from tests.browser.pages import DIALOGS, NOT_PAGES, PAGES


def _names(patterns: list[Any]) -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _names(one.url_patterns)
        elif isinstance(one, URLPattern) and one.name:
            yield one.name


def test_every_address_is_a_listed_page_or_named_as_none() -> None:
    known = set(_names(dashboard_urls.urlpatterns)) | set(_names(account_urls.urlpatterns))
    listed = {page.name for page in PAGES} - {"404", "405"}
    assert known - listed - NOT_PAGES == set(), "list these in tests/browser/pages.py"
    assert (listed | NOT_PAGES | {dialog.name for dialog in DIALOGS} - {"playground-code"}) - known == set()
    assert listed & NOT_PAGES == set()


def test_no_two_looks_have_one_name() -> None:
    names = [str(one) for one in (*PAGES, *DIALOGS)]
    assert len(names) == len(set(names))
