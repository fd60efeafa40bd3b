"""The documentation: public, complete, about this house, and nobody's text becomes markup."""

import re
from pathlib import Path

import pytest
from django.test import Client, override_settings
from django.urls import Resolver404, resolve

from api.codes import CODES
from catalog.models import LanguageModel, Plan
from dashboard import docs_site
from dashboard.docs_markdown import render
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]
PAGES = tuple(f"/docs/{slug}/" for slug in docs_site.SLUGS)


@pytest.fixture(autouse=True)
def alice() -> House:
    return house("Alice")


def text(path: str, client: Client | None = None) -> str:
    answer = (client or Client()).get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def article(slug: str) -> str:
    page = text(f"/docs/{slug}/")
    return page[page.index("<article") : page.index("</article>")]


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


# ---------------------------------------------------------------- reading


def test_everybody_may_read(alice: House) -> None:
    for client in (browser(None), browser(alice.owner)):
        for path in ("/docs/", *PAGES):
            page = text(path, client)
            assert page.count("<h1") == 1, path
            assert " style=" not in page
            assert not re.search(r"<script(?![^>]*\bsrc=)", page)


def test_every_page_is_in_the_tree_and_says_what_it_is_about() -> None:
    index = text("/docs/")
    for path in PAGES:
        assert f'href="{path}"' in index, path
    pages = [one for _title, group in docs_site.pages({}) for one in group]
    assert all(one.content.summary and len(one.content.summary) < 140 for one in pages)
    assert sorted(path.stem for path in (docs_site.FOLDER / "en").iterdir()) == sorted(docs_site.SLUGS)


def test_pages_without_a_log_in_touch_no_session(django_assert_max_num_queries: object) -> None:
    text("/docs/quickstart/")
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        answer = Client().get("/docs/quickstart/")
    assert not answer.cookies


def test_what_is_not_there_is_404() -> None:
    for path in ("/docs/nothing/", "/docs/..%2f/", "/docs/faq.md"):
        assert Client().get(path).status_code == 404, path


def test_no_mark_of_a_template_is_left() -> None:
    for path in PAGES:
        page = text(path)
        assert not re.search(r"\{\{|\{%|\{#", page), path
        without_code = re.sub(r"<pre.*?</pre>", "", article(path.split("/")[2]), flags=re.DOTALL)
        assert not re.search(r"(?<!If-)None", words(without_code)), path


def test_links_lead_somewhere() -> None:
    """Inside: to a page that is there, and to an anchor that is on it."""
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text(path))) for path in PAGES}
    for path in PAGES:
        for target in re.findall(r'href="([^"]+)"', article(path.split("/")[2])):
            if target.startswith(("https://", "mailto:")):
                continue
            page, _, anchor = target.partition("#")
            page = page or path
            try:
                resolve(page)
            except Resolver404:
                pytest.fail(f"{path} links to {target}")
            if anchor:
                assert anchor in anchors[page], f"{path} links to {target}"


# ---------------------------------------------------------------- this house


def test_examples_have_the_address_of_this_house() -> None:
    page = Client().get("/docs/quickstart/", headers={"host": "llm.example.com"}).content.decode()
    assert "curl http://llm.example.com/v1/chat/completions" in page
    with override_settings(PUBLIC_URL="https://api.example.com"):
        page = text("/docs/quickstart/")
    assert "curl https://api.example.com/v1/chat/completions" in page
    assert "testserver" not in page


def test_models_prices_and_plans_are_those_that_bill() -> None:
    models = words(article("models"))
    assert "deepseek-chat 32,768 8,192 $0.27 $0.07 $1.1" in models
    plans = words(article("usage-and-billing"))
    assert "Free (new organizations) 10 $1.00" in plans
    assert "Enterprise by agreement by agreement" in plans
    Plan.objects.filter(code="free").update(requests_per_minute=12)
    assert "Free 12" in words(article("rate-limits"))


def test_names_in_the_catalog_stay_text() -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) **b** | `c` ![i](http://evil.example/i.png)"
    LanguageModel.objects.filter(name="deepseek-chat").update(description=hostile)
    LanguageModel.objects.filter(name="deepseek-math").update(name="a'; rm -rf `x` | <b>")
    Plan.objects.filter(code="free").update(name="<i>Free</i> | x")
    with override_settings(SITE_NAME="<b>House</b>"):
        for path in PAGES:
            part = article(path.split("/")[2])
            assert "<script" not in part
            assert "<img" not in part
            assert "<b>" not in part
            assert "<i>" not in part
            assert 'href="javascript' not in part
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:alert(1)) **b** |" in article("faq")


def test_a_model_whose_name_does_not_fit_into_code_is_not_an_example() -> None:
    LanguageModel.objects.filter(name="deepseek-chat").update(name='x", "evil": "')
    assert '"model": "deepseek-coder"'.replace('"', "&quot;") in article("quickstart")


def test_help_is_offered_as_far_as_it_is_set() -> None:
    assert "No answer here?" not in text("/docs/")
    with override_settings(SUPPORT_URL="mailto:help@example.com", CHAT_URL="https://chat.example.com"):
        page = text("/docs/")
        help_ = article("faq")
    assert 'href="mailto:help@example.com"' in page
    assert 'href="https://chat.example.com"' in page
    assert "Forum" not in page
    assert "https://chat.example.com" in help_
    assert "Forum" not in help_


def test_the_house_can_have_its_documentation_elsewhere(alice: House) -> None:
    with override_settings(DOCS_URL="https://docs.example.com", STATUS_URL="https://status.example.com"):
        for client in (browser(None), browser(alice.owner)):
            page = text("/models/", client)
            assert 'href="https://docs.example.com"' in page
            assert 'href="https://status.example.com"' in page
    assert 'href="/docs/"' in text("/models/", browser(alice.owner))


def test_closed_sign_up_is_said() -> None:
    with override_settings(SIGNUP_OPEN=False):
        assert "New accounts are by invitation here" in words(article("quickstart"))
    assert "by invitation" not in words(article("quickstart"))


def test_every_setting_is_on_the_page_of_who_runs_a_house() -> None:
    read = re.compile(r'env\.(?:text|flag|number|words|link|secret)\("([A-Z_]+)"')
    named = {name for path in Path("config").glob("*.py") for name in read.findall(path.read_text())}
    assert len(named) > 30
    page = article("self-hosting")
    assert not [name for name in sorted(named) if f"<code>{name}</code>" not in page]


def test_the_changelog_is_that_of_the_project() -> None:
    page = words(article("changelog"))
    assert "Unreleased" in page
    assert "Written by hand" not in page


# ---------------------------------------------------------------- errors


def test_every_code_leads_to_its_cause_and_fix() -> None:
    page = article("errors")
    gateway = Path("gateway")
    used = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', (gateway / "errors.py").read_text()))
    used |= {"insufficient_permissions", "ip_not_allowed", "organization_suspended"}
    used -= {"invalid_request_error", "permission_error", "server_error", "retry_after"}
    codes = {name or "null": code.status for name, code in CODES.items()}
    assert used & {"insufficient_quota", "model_not_found"}
    for code in {*used, *codes}:
        name = "invalid_json" if code == "null" else code
        answer = Client().get(f"/docs/errors/{name}/")
        assert answer.status_code == 302, code
        assert answer["location"] == f"/docs/errors/#{name}"
        start = page.index(f'<h3 id="{name}">')
        end = page.find("<h", start + 4)
        section = words(page[start:end])
        assert "Cause." in section, code
        assert "Fix." in section, code
        if code in codes:
            assert f" {codes[code]}, " in section, f"{code} is {codes[code]}"


def test_an_error_without_a_code_leads_to_its_cause_too() -> None:
    for name, anchor in (("null", "#invalid_json"), ("invalid_request_error", "#invalid_json"), ("nothing", "")):
        assert Client().get(f"/docs/errors/{name}/")["location"] == f"/docs/errors/{anchor}"


# ---------------------------------------------------------------- questions

QUESTIONS = """\
What is the Meterhouse API?
How do I get started?
What models are available?
Is there a free tier?
How do I authenticate API requests?
Where do I find my API key?
Can I regenerate my API key?
How do I keep my API key secure?
What are the rate limits?
How do I handle rate limiting?
How is usage calculated?
Can I monitor my usage?
What's the maximum context length?
How do I handle long conversations?
Can I use streaming responses?
How do I control response randomness?
What's the difference between temperature and top_p?
Why am I getting a 401 error?
What does "context length exceeded" mean?
How do I handle network timeouts?
Which SDKs are available?
Can I use the OpenAI SDK?
How do I integrate with my existing OpenAI code?
Can I use curl or other HTTP clients?
How can I improve response speed?
Should I cache responses?
How do I optimize token usage?
How am I charged?
Can I set spending limits?
What happens if I exceed my quota?
Do you offer volume discounts?
Is my data secure?
Do you store my API requests?
Can I use the API for sensitive data?
Is the API GDPR compliant?
My requests are slow. What can I do?
I'm getting inconsistent responses. Why?
How do I report bugs or issues?
Where can I get help?
""".splitlines()


def test_the_questions_people_ask_are_answered() -> None:
    faq = docs_site.page("faq", {"site_name": "Meterhouse"}).content
    asked = {heading.text for heading in faq.headings}
    assert not [question for question in QUESTIONS if question not in asked]
    assert {"Prompt engineering", "Handling errors", "Fast and cheap", "Secure"} <= asked


# ---------------------------------------------------------------- languages


def test_another_language_takes_the_place_of_english_page_by_page(tmp_path: Path) -> None:
    for name in ("en", "zh-hans"):
        (tmp_path / name).mkdir()
    for slug in docs_site.SLUGS:
        (tmp_path / "en" / f"{slug}.md").write_text(f"# {slug}\n\nAbout.\n\n## First {{#first}}\n\nWords.\n")
    (tmp_path / "zh-hans" / "faq.md").write_text("# 常见问题\n\n简短的回答。\n\n## 第一 {#first}\n\n文字。\n")
    docs_site._template.cache_clear()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(docs_site, "FOLDER", tmp_path)
            client = Client(headers={"accept-language": "zh-hans"})
            page = client.get("/docs/faq/").content.decode()
            other = client.get("/docs/models/").content.decode()
    finally:
        docs_site._template.cache_clear()
    assert '<article class="prose" lang="zh-hans">' in page
    assert "常见问题" in page
    assert '<h2 id="first">第一 ' in page
    assert '<article class="prose" lang="en">' in other


def test_markdown_becomes_markup_with_anchors_and_copies() -> None:
    page = render(
        "# Title\n\nSummary\nof two lines.\n\n## Same\n\n```sh\ncurl x\n```\n\n```python\nprint('<b>')\n```\n\n"
        "## Same\n\n| a | b |\n| --- | --- |\n| 1 | <u>2</u> |\n\n### `a_code`\n\n```sh\nls\n```\n"
    )
    assert (page.title, page.summary) == ("Title", "Summary of two lines.")
    assert [(one.level, one.anchor) for one in page.headings] == [(2, "same"), (2, "same-2"), (3, "a_code")]
    assert page.html.count('role="tablist"') == 1
    assert re.findall(r'role="tab"[^>]*>(\w+)<', page.html) == ["curl", "Python"]
    assert "print(&#x27;&lt;b&gt;&#x27;)" in page.html
    assert "&lt;u&gt;2&lt;/u&gt;" in page.html
    assert page.html.count("data-copy=") == 3
    ids = re.findall(r'\bid="([^"]+)"', page.html)
    assert len(ids) == len(set(ids))
    assert [section.anchor for section in page.sections] == ["", "same", "same-2", "a_code"]
