"""The colours of both themes: text and controls stand out, and the chart's series are told apart by everybody."""

import itertools
import re
from pathlib import Path

import pytest

STYLES = Path(__file__).resolve().parents[2] / "static" / "css"
TEMPLATES = STYLES.parents[1] / "templates"
THEMES = ("light", "dark")
SERIES = ("s0", "s1", "s2", "s3", "s4")
GROUNDS = ("bg", "side", "card-bg", "hover", "accent-bg")
_DECLARED = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b")
Colour = tuple[float, float, float]


def _tokens(theme: str) -> dict[str, str]:
    """Every colour that has a name, as this theme resolves it."""
    css = (STYLES / "console.css").read_text()
    found: dict[str, str] = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        name = selector.strip().rsplit("\n", 1)[-1]
        if name == ":root" or (theme == "dark" and name == "[data-bs-theme=dark]"):
            found.update(_DECLARED.findall(body))
    return found


def _linear(code: str) -> Colour:
    digits = code[1:] if len(code) == 7 else "".join(2 * digit for digit in code[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def _times(matrix: tuple[Colour, Colour, Colour], colour: Colour) -> Colour:
    first, second, third = (sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix)
    return first, second, third


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    bright, dark = sorted((_times((_LUMINANCE,) * 3, _linear(code))[0] for code in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


_LUMINANCE = (0.2126, 0.7152, 0.0722)
# Machado, Oliveira and Fernandes 2009: what people without one kind of cone see, in linear RGB.
SIGHTS: dict[str, tuple[Colour, Colour, Colour]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _oklab(colour: Colour) -> Colour:
    cones = _times(_TO_CONES, colour)
    return _times(_TO_LAB, (cones[0] ** (1 / 3), cones[1] ** (1 / 3), cones[2] ** (1 / 3)))


def distance(one: str, other: str, sight: str) -> float:
    """How far apart two colours are for who has this sight."""
    seen = []
    for code in (one, other):
        red, green, blue = (min(max(part, 0.0), 1.0) for part in _times(SIGHTS[sight], _linear(code)))
        seen.append(_oklab((red, green, blue)))
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_every_ground(theme: str) -> None:
    tokens = _tokens(theme)
    pairs = [(text, ground) for text in ("text", "muted", "accent") for ground in GROUNDS]
    pairs += [(tone, f"{tone}-bg") for tone in ("ok", "warn", "danger")]
    pairs += [(tone, ground) for tone in ("ok", "warn", "danger") for ground in ("bg", "card-bg", "hover")]
    pairs += [("on-accent", "accent"), ("on-accent", "accent-h"), ("card-bg", "danger"), ("accent-h", "card-bg")]
    weak = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in pairs}
    assert {pair: found for pair, found in weak.items() if found < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_the_edge_of_a_control_can_be_seen(theme: str) -> None:
    tokens = _tokens(theme)
    for ground in ("bg", "side", "card-bg"):
        assert contrast(tokens["ctl"], tokens[ground]) >= 3, ground
        assert contrast(tokens["accent"], tokens[ground]) >= 3, f"the outline of the focus on {ground}"


@pytest.mark.parametrize("theme", THEMES)
def test_what_a_chart_draws_can_be_seen(theme: str) -> None:
    tokens = _tokens(theme)
    for name in (*SERIES, "muted", "accent"):
        assert contrast(tokens[name], tokens["card-bg"]) >= 3, name


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", THEMES)
def test_series_are_told_apart_by_every_kind_of_sight(theme: str, sight: str) -> None:
    tokens = _tokens(theme)
    for one, other in itertools.combinations(SERIES, 2):
        assert distance(tokens[one], tokens[other], sight) >= 0.09, (one, other)


def test_other_is_hatched_in_the_chart_and_in_its_legend() -> None:
    assert 'if (swatch === "other") {\n      return hatch(' in (STYLES.parent / "js" / "charts.js").read_text()
    rules = re.findall(r"\.sother\s*\{([^}]*)\}", "".join(path.read_text() for path in STYLES.glob("*.css")))
    assert rules and all("repeating-linear-gradient" in rule for rule in rules)


def test_no_colour_is_used_that_has_no_name() -> None:
    """What is written out cannot follow the theme, and nobody measures it."""
    written = []
    for path in STYLES.glob("*.css"):
        for rule, body in re.findall(r"([^{}]+)\{([^{}]*)\}", path.read_text()):
            unnamed = _DECLARED.sub("", body)
            # The logo is a picture; a head of a table is a shade of its card; a QR code is dark on white for cameras.
            known = any(name in rule for name in (".logo", ".table thead th", ".qr"))
            if re.search(r"#[0-9a-fA-F]{3,8}\b", unnamed) and not known:
                written.append((path.name, rule.strip()))
    assert written == []


def test_a_status_says_in_words_what_its_colour_says() -> None:
    """Every badge of a template holds text: read without colours, nothing is lost."""
    silent = []
    for path in TEMPLATES.rglob("*.html"):
        for badge in re.findall(r'<span class="status[ "][^>]*>(.*?)</span>', path.read_text(), re.DOTALL):
            words = re.sub(r"{%.*?%}", lambda tag: "x" if "translate" in tag[0] else "", badge)
            if not re.sub(r"<[^>]*>|\s", "", words):
                silent.append((path.name, badge))
    assert silent == []
