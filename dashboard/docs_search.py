"""The search of the documentation: by heading, error code and word, asked in any of its languages.

A section is found by the words of every language it is written in, and shown in the reader's. Chinese has no spaces:
a run of its characters counts as found by its pairs.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, override

from dashboard import docs_site
from dashboard.docs_markdown import Section

MOST_CHARACTERS = 100
_MOST_TERMS = 12
_AROUND = 80
_WORD = 24
# A name with its inner marks (x-ratelimit-limit-requests, v1/models), or a run of Chinese.
_HAN = "\u3400-\u9fff"
_TERM = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+(?:[-./][^\W{_HAN}]+)*")
# What questions are made of; a question that has nothing else is searched as it is.
_QUESTION = re.compile(
    "a|an|and|are|can|do|does|for|how|i|in|is|it|me|my|of|on|or|the|to|what|when|where|why|with", re.ASCII
)
_PARTICLE = re.compile("为什么|怎么样|怎么|怎样|如何|什么|哪里|哪些|可以|能否|请问|吗|呢|的|了|是|我|在|和|与")
_ENDINGS = ("ing", "ed", "s")

Marked = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found; texts in parts, with whether each is what was searched for."""

    url: str
    page: str
    title: Marked
    excerpt: Marked
    # Whether the section is its page's beginning: its title then says no more than the page's.
    is_page: bool


def find(query: str, values: dict[str, Any]) -> list[Hit]:
    """The sections that have every term, best first; where none has, those that have most of them."""
    terms = _terms(query)
    if not terms:
        return []
    scored = []
    for found, section, others in _sections(values):
        points = [_best(term, section, found.content.title, others) for term in terms]
        share = sum(1 for one in points if one) / len(terms)
        if share >= 0.5:
            scored.append((share, sum(points) + _together(terms, section), found, section))
    full = [one for one in scored if one[0] == 1] or scored
    full.sort(key=lambda one: one[:2], reverse=True)
    return [_hit(found, section, terms) for _share, _points, found, section in full]


def _terms(query: str) -> list[str]:
    words = _TERM.findall(unicodedata.normalize("NFKC", query[:MOST_CHARACTERS]).lower())
    telling = [
        part
        for word in words
        for part in (_PARTICLE.split(word) if _is_han(word) else [word])
        if part and not _QUESTION.fullmatch(part)
    ]
    return list(dict.fromkeys(telling or words))[:_MOST_TERMS]


def _is_han(term: str) -> bool:
    return "\u3400" <= term[0] <= "\u9fff"


def _sections(values: dict[str, Any]) -> Iterable[tuple[docs_site.Page, Section, list[Section]]]:
    """Every section of every page in the reader's language, with the same section in the other languages."""
    reader = get_language() or docs_site.SOURCE_LANGUAGE
    other_pages: dict[tuple[str, str], list[Section]] = {}
    for language, _name in settings.LANGUAGES:
        if language == reader:
            continue
        with override(language):
            for _title, pages in docs_site.pages(values):
                for one in pages:
                    for section in one.content.sections:
                        other_pages.setdefault((one.slug, section.anchor), []).append(section)
    for _title, pages in docs_site.pages(values):
        for one in pages:
            for section in one.content.sections:
                # A heading over other headings says nothing by itself.
                if not section.text:
                    continue
                yield one, section, other_pages.get((one.slug, section.anchor), [])


# ---------------------------------------------------------------- points


def _best(term: str, section: Section, page: str, others: list[Section]) -> float:
    """What a term is worth here; a word of another language counts half."""
    own = max(_points(term, section), 6.0 if term in page.lower() else 0.0)
    return max([own, *(_points(term, other) / 2 for other in others)])


def _points(term: str, section: Section) -> float:
    """A title counts more than the words under it, a whole word more than a part of one."""
    points = _in_title(term, section.folded_title) + _in_text(term, section.folded_text)
    if points:
        return points
    if _is_han(term):
        return _by_pairs(term, section)
    stem = next((term.removesuffix(end) for end in _ENDINGS if term.endswith(end) and len(term) - len(end) > 2), "")
    return (_in_title(stem, section.folded_title) + _in_text(stem, section.folded_text)) * 0.8 if stem else 0.0


def _in_title(term: str, title: str) -> float:
    if title == term:
        return 60.0
    return 20.0 if _begins(term, title) else 0.0


def _in_text(term: str, text: str) -> float:
    return 2.0 + min(text.count(term), 5) * 0.5 if _begins(term, text) else 0.0


def _begins(term: str, text: str) -> bool:
    """Whether a word begins with the term; in Chinese any place is a beginning."""
    place = text.find(term)
    while place > 0 and text[place - 1].isalnum() and not _is_han(text[place]) and not _is_han(text[place - 1]):
        place = text.find(term, place + 1)
    return place >= 0


def _together(terms: list[str], section: Section) -> float:
    """More for terms that stand beside each other, and for the beginning of a page."""
    phrase = " ".join(terms)
    points = 4.0 if len(terms) > 1 and phrase in section.folded_text else 0.0
    if phrase in section.folded_title:
        points += 10.0 if section.anchor else 25.0
    return points


def _by_pairs(term: str, section: Section) -> float:
    pairs = [term[at : at + 2] for at in range(len(term) - 1)]
    found = [pair for pair in pairs if pair in section.folded_title or pair in section.folded_text]
    if not pairs or len(found) * 2 < len(pairs):
        return 0.0
    titled = sum(1 for pair in found if pair in section.folded_title)
    return (2.0 * len(found) + 8.0 * titled) / len(pairs)


# ---------------------------------------------------------------- what is shown


def _hit(found: docs_site.Page, section: Section, terms: list[str]) -> Hit:
    url = reverse("dashboard:docs-page", args=[found.slug])
    return Hit(
        url=f"{url}#{section.anchor}" if section.anchor else url,
        page=found.content.title,
        title=_marked(section.title, terms),
        excerpt=_marked(_excerpt(section, terms), terms),
        is_page=not section.anchor,
    )


def _excerpt(section: Section, terms: list[str]) -> str:
    places = [place for term in terms for one in _parts(term) if (place := section.folded_text.find(one)) >= 0]
    first = min(places, default=0)
    start, end = max(0, first - _AROUND), first + _AROUND
    # From the beginning of a word to the end of one, where there are spaces.
    if start and (space := section.text.find(" ", start, start + _WORD)) > 0:
        start = space + 1
    if end < len(section.text) and (space := section.text.rfind(" ", end - _WORD, end)) > 0:
        end = space
    text = section.text[start:end]
    return ("…" if start else "") + text + ("…" if end < len(section.text) else "")


def _parts(term: str) -> list[str]:
    """What may be marked of a term: itself, and the pairs of a run of Chinese."""
    return [term, *(term[at : at + 2] for at in range(len(term) - 1) if _is_han(term) and len(term) > 2)]


def _marked(text: str, terms: list[str]) -> Marked:
    parts = sorted({part for term in terms for part in _parts(term)}, key=len, reverse=True)
    pattern = re.compile("(" + "|".join(re.escape(part) for part in parts) + ")", re.IGNORECASE)
    return [(part, number % 2 == 1) for number, part in enumerate(pattern.split(text)) if part]
