"""The pages of the documentation: which there are, in which order, in whose language.

The words stand in docs/site/<language>/<slug>.md: Markdown that first goes through Django's templates, so that it can
name this house's address, models, plans and prices. A page that a language lacks is shown in English.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine, Template, engines
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from dashboard import docs_markdown
from dashboard.docs_markdown import Rendered

FOLDER = Path(settings.BASE_DIR) / "docs" / "site"
SOURCE_LANGUAGE = "en"
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Begin"), ("quickstart", "authentication", "organizations", "playground")),
    (_("Call models"), ("models", "chat-completions", "streaming", "sdks", "rate-limits", "errors")),
    (_("Usage and money"), ("usage-and-billing",)),
    (_("Automate"), ("management-api", "command-line", "ingestion", "exports", "webhooks")),
    (_("More"), ("faq", "self-hosting", "architecture", "changelog")),
)
SLUGS = tuple(slug for _title, slugs in GROUPS for slug in slugs)
# Rendered pages that are kept: of each language and of each address under which the house was asked.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Page:
    slug: str
    # Of the words; not always what was asked for.
    language: str
    content: Rendered


def language_of(slug: str, asked: str) -> str:
    """The language in which the page is there for who asks for one."""
    return asked if (FOLDER / asked / f"{slug}.md").exists() else SOURCE_LANGUAGE


def page(slug: str, values: dict[str, Any]) -> Page:
    """The page with this house's values in it; raises KeyError for one that is not there."""
    if slug not in SLUGS:
        raise KeyError(slug)
    asked = get_language() or SOURCE_LANGUAGE
    language = language_of(slug, asked)
    return Page(slug, language, _rendered(source(slug, language, values), asked))


def pages(values: dict[str, Any]) -> list[tuple[Any, list[Page]]]:
    """Every page, by group."""
    return [(title, [page(slug, values) for slug in slugs]) for title, slugs in GROUPS]


def source(slug: str, language: str, values: dict[str, Any]) -> str:
    """The Markdown of a page with the values in it."""
    return str(_template(slug, language).render(Context(values, autoescape=False)))


@cache
def _template(slug: str, language: str) -> Template:
    engine: Engine = engines["django"].engine  # type: ignore[attr-defined]
    return Template((FOLDER / language / f"{slug}.md").read_text(), engine=engine)


# The language is that of the buttons; the text alone says the rest.
@lru_cache(maxsize=_KEPT)
def _rendered(text: str, language: str) -> Rendered:
    return docs_markdown.render(text)
