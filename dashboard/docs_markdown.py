"""Markdown of the documentation as HTML: headings with anchors, code with a copy button, tables that scroll.

HTML in the source is shown as text, so that no name in the catalog can carry any.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

# Languages of runnable examples, and what the tab of each says.
EXAMPLES = {"sh": "curl", "python": "Python", "js": "Node"}
# `## Erste Schritte {#quickstart}`: an anchor that stays the same in every language.
_ANCHOR = re.compile(r"\s*\{#([\w.-]+)\}$")
_NO_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, as plain words for the search."""

    anchor: str
    title: str
    text: str
    folded_title: str
    folded_text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """`title` and `summary` are the first heading and the first paragraph; `html` is what follows them."""

    title: str
    summary: str
    html: SafeString
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]


def render(source: str) -> Rendered:
    """A page; its first two blocks are its title (`# …`) and a paragraph that says what it is about."""
    parser = _parser()
    tokens = parser.parse(source)
    title, summary = _plain(tokens[1]), _plain(tokens[4])
    headings = _anchor(tokens)
    sections = _sections(tokens[6:], title, summary)
    _align(tokens)
    body = _grouped(tokens[6:])
    html = parser.renderer.render(body, parser.options, {})
    return Rendered(title, summary, mark_safe(html), tuple(headings), tuple(sections))  # noqa: S308


def code_blocks(source: str) -> list[tuple[str, str]]:
    """Every block of code with its language, in order."""
    return [(token.info.strip(), token.content) for token in _parser().parse(source) if token.type == "fence"]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name, rule in (
        ("heading_close", _heading_close),
        ("fence", _fence),
        ("code_block", _code_block),
        ("code_group", _code_group),
        ("table_open", _table_open),
        ("table_close", _table_close),
    ):
        parser.add_render_rule(name, rule)
    return parser


# ---------------------------------------------------------------- headings and words


def _plain(inline: Token) -> str:
    """The words of a line, without its marks."""
    return "".join(
        child.content if child.content else " " * (child.type in ("softbreak", "hardbreak"))
        for child in inline.children or ()
    )


def slug(text: str) -> str:
    """The anchor of a heading; a code stays as it is."""
    return _NO_WORD.sub("-", text.lower()).strip("-")


def _anchor(tokens: list[Token]) -> list[Heading]:
    """Give every heading an id, and list those of the second and third level."""
    found: list[Heading] = []
    used: set[str] = set()
    for token, inline in itertools.pairwise(tokens):
        if token.type != "heading_open":
            continue
        anchor = _own_anchor(inline) or slug(_plain(inline)) or "section"
        while anchor in used:
            anchor += "-2"
        used.add(anchor)
        token.attrSet("id", anchor)
        token.meta["anchor"] = anchor
        if token.tag in ("h2", "h3"):
            found.append(Heading(int(token.tag[1]), anchor, _plain(inline)))
    return found


def _own_anchor(inline: Token) -> str:
    last = inline.children[-1] if inline.children else None
    if last is None or last.type != "text" or not (match := _ANCHOR.search(last.content)):
        return ""
    last.content = last.content[: match.start()]
    return match[1]


def _sections(tokens: Iterable[Token], title: str, summary: str) -> list[Section]:
    # Anchor, title, words and code of each: what is shown of a section begins with its words.
    found: list[tuple[str, str, list[str], list[str]]] = [("", title, [summary], [])]
    opening: Token | None = None
    before = ""
    for token in tokens:
        if token.type == "heading_open":
            opening = token
        elif token.type == "heading_close":
            opening = None
        elif token.type == "inline" and opening is not None:
            found.append((str(opening.attrGet("id")), _plain(token), [], []))
        elif token.type == "inline":
            cell = "· " if before in ("th_open", "td_open") else ""
            found[-1][2].append(cell + _plain(token))
        elif token.type == "fence":
            found[-1][3].append(token.content)
        before = token.type
    return [_section(anchor, name, " ".join(" ".join([*words, *code]).split())) for anchor, name, words, code in found]


def _section(anchor: str, title: str, text: str) -> Section:
    text = text.lstrip("· ")
    return Section(anchor, title, text, title.lower(), text.lower())


# ---------------------------------------------------------------- code


def _grouped(tokens: list[Token]) -> list[Token]:
    """Examples of several languages that follow each other become one block with tabs."""
    made: list[Token] = []
    for token in tokens:
        before = made[-1] if made else None
        if token.type == "fence" and token.info.strip() in EXAMPLES and before is not None:
            if before.type == "code_group" and _is_new(token, before):
                before.children = [*(before.children or []), token]
                continue
            if before.type == "fence" and before.info.strip() in EXAMPLES and before.info != token.info:
                made[-1] = Token("code_group", "", 0, children=[before, token], block=True)
                continue
        made.append(token)
    for number, token in enumerate(one for one in made if one.type in ("fence", "code_group")):
        token.meta["number"] = number
    return made


def _is_new(token: Token, group: Token) -> bool:
    return all(one.info != token.info for one in group.children or ())


def _label(token: Token) -> str:
    language = token.info.strip()
    if language == "sh" and not token.content.lstrip().startswith("curl"):
        return gettext("Terminal")
    return EXAMPLES.get(language) or {"json": "JSON", "http": "HTTP"}.get(language, language)


def _code(token: Token, name: str) -> str:
    """The code with a button that copies it."""
    label = escape(_label(token))
    copy, copied, select = (escape(gettext(text)) for text in ("Copy", "Copied", "Press Ctrl+C"))
    return (
        f'<div class="codeblock"><pre tabindex="0" role="group" aria-label="{label}"><code id="{name}">'
        f"{escape(token.content)}</code></pre>"
        f'<button class="btn btn-sm js-only" type="button" data-copy="{name}" data-copied="{copied}" '
        f'data-select="{select}">{copy}</button></div>'
    )


def _fence(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    name = f"code-{token.meta['number']}"
    return (
        f'<div class="codefigure"><div class="codelabel" aria-hidden="true">{escape(_label(token))}</div>'
        f"{_code(token, name)}</div>\n"
    )


def _code_block(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """Lines to read, not to run."""
    label = escape(gettext("Example"))
    code = escape(tokens[index].content)
    return (
        f'<div class="codeblock"><pre tabindex="0" role="group" aria-label="{label}"><code>{code}</code></pre></div>\n'
    )


def _code_group(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    group = tokens[index]
    tabs, panes = [], []
    for place, token in enumerate(group.children or ()):
        name = f"code-{group.meta['number']}-{token.info.strip()}"
        first = place == 0
        tabs.append(
            f'<button type="button" role="tab" id="tab-{name}" aria-controls="pane-{name}" '
            f'data-language="{token.info.strip()}" aria-selected="{str(first).lower()}" '
            f'tabindex="{0 if first else -1}">{escape(_label(token))}</button>'
        )
        panes.append(
            f'<div class="codepane" role="tabpanel" id="pane-{name}" aria-labelledby="tab-{name}">'
            f'<div class="codelabel" aria-hidden="true">{escape(_label(token))}</div>{_code(token, name)}</div>'
        )
    label = escape(gettext("Language of the example"))
    return (
        f'<div class="codefigure" data-code-tabs><div class="codetabs js-only" role="tablist" aria-label="{label}">'
        f"{''.join(tabs)}</div>{''.join(panes)}</div>\n"
    )


# ---------------------------------------------------------------- headings and tables


def _align(tokens: Iterable[Token]) -> None:
    """Columns of numbers get a class: the policy of our pages allows no style attribute."""
    for token in tokens:
        if token.attrs.pop("style", "") == "text-align:right":
            token.attrSet("class", "num")


def _heading_close(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    opening = tokens[index - 2]
    anchor = escape(opening.meta.get("anchor", ""))
    label = escape(gettext("Link to “%s”") % _plain(tokens[index - 1]))
    return f' <a class="anchor" href="#{anchor}" aria-label="{label}">#</a></{opening.tag}>\n'


def _table_open(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    before = next((tokens[i + 1] for i in range(index, -1, -1) if tokens[i].type == "heading_open"), None)
    label = escape(_plain(before) if before else gettext("Table"))
    return (
        f'<div class="table-responsive" tabindex="0" role="region" aria-label="{label}">'
        '<table class="table table-vcenter">\n'
    )


def _table_close(renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"
