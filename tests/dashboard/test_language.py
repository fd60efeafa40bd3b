"""Which language a page is in, and that nothing is left in English."""

import re
from html.parser import HTMLParser

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from foundation.money import NANO
from tests.billing.desk import ask, refused, serve_all_models
from tests.billing.news import say, tell, verify
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]
CHINESE = "概览"
# Names, units and what is the same in every language; a note of the ledger stays as it was written.
SAME = re.compile(
    r"[\w.@:/+\-]*"
    r"|(Top P|Playground|Webhook|Token|OpenAI|Alice|Alice's|Default|Esc|Meterhouse|English|Free|Pro|Enterprise|UTC"
    r"|Python|Node|curl|deepseek-\w+|one|by|in|out|ms|s|·|[\d.,:$K±+−-]+|\W)+( .*UTC.*)?"
    r"|.* \(UTC.*\)|Pro plan, .* \d+"
)


@pytest.fixture
def alice() -> House:
    return house("Alice")


def test_the_browser_the_cookie_and_the_profile_choose_in_this_order(alice: House) -> None:
    client = browser(alice.owner)
    assert 'lang="en"' in client.get("/").content.decode()
    page = client.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert CHINESE in page.content.decode() and 'lang="zh-hans"' in page.content.decode()
    assert "Accept-Language" in page["Vary"] and page["Content-Language"] == "zh-hans"
    client.cookies["django_language"] = "en"
    assert CHINESE not in client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
    User.objects.update(language="zh-hans")
    assert CHINESE in client.get("/").content.decode()


def test_it_is_chosen_in_the_profile(alice: House) -> None:
    client = browser(alice.owner)
    boxes = dict.fromkeys(("uses_shortcuts", "announces_answers", "streams_answers"), "on")
    chosen = {"name": "Alice", "time_zone": "UTC", "language": "zh-hans", **boxes}
    answer = client.post("/settings/", chosen, follow=True)
    assert "更改已保存。" in answer.content.decode()
    assert User.objects.get().language == "zh-hans"
    assert AuditEntry.objects.get(action="user.profile_changed").changes == {"language": ["", "zh-hans"]}
    assert client.post("/settings/", {"name": "A", "time_zone": "UTC", "language": "xx"}).status_code == 422


def test_anybody_chooses_it_at_the_foot_of_a_page() -> None:
    client = Client()
    assert "/language/zh-hans/" in client.get("/accounts/login/").content.decode()
    answer = client.get("/language/zh-hans/?next=/models/")
    assert (answer.status_code, answer["location"]) == (302, "/models/")
    assert "模型与价格" in client.get("/models/").content.decode()
    assert client.get("/language/zh-hans/?next=https://example.com/")["location"] == "/"
    assert "django_language" not in Client().get("/language/xx/").cookies
    assert "csrftoken" not in Client().get("/models/").cookies


def test_who_is_logged_in_keeps_it_in_the_profile(alice: House) -> None:
    client = browser(alice.owner)
    client.get("/language/zh-hans/")
    assert User.objects.get().language == ""
    client.post("/language/zh-hans/")
    assert User.objects.get().language == "zh-hans"
    assert CHINESE in browser(alice.owner).get("/").content.decode()


def test_mails_are_in_the_language_of_who_gets_them(alice: House) -> None:
    bob = alice.member("Bob", Role.ADMIN)
    verify(alice.owner, bob)
    User.objects.filter(pk=bob.pk).update(language="zh-hans")
    say(alice.organization)
    tell()
    subjects = {message.to[0]: message.subject for message in mail.outbox}
    assert "has used" in subjects["alice@example.com"] and "已使用" in subjects["bob@example.com"]


def test_the_api_and_exports_speak_english(alice: House) -> None:
    User.objects.update(language="zh-hans")
    client = browser(alice.owner)
    answer = client.get("/api/v1/keys/nothing", headers={"accept-language": "zh-CN"})
    assert answer.json()["error"]["message"].isascii()
    lines = b"".join(client.get("/usage/export.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert lines.isascii()


class _Words(HTMLParser):
    """The words of a page that people read or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quiet += tag in ("script", "style", "code", "pre")
        self.found += [value for name, value in attrs if value and name in ("aria-label", "placeholder", "data-th")]

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.found.append(data)


def english(page: str) -> list[str]:
    """What is left in English."""
    words = _Words()
    words.feed(page)
    texts = {" ".join(text.split()) for text in words.found}
    return sorted(
        text
        for text in texts
        if re.search(r"[A-Za-z]{2}", text) and not re.search(r"[一-鿿]", text) and not SAME.fullmatch(text)
    )


def test_no_page_has_words_left_in_english(alice: House) -> None:
    User.objects.update(language="zh-hans")
    key, _ = alice.key("one")
    event = request_of(key, timezone.now(), charge=NANO)
    record(event)
    client = browser(alice.owner)
    project = alice.project.public_id
    left: dict[str, list[str]] = {}
    pages = [
        "", "getting-started/", "playground/", "keys/", "keys/create/", f"keys/{key.public_id}/",
        f"keys/{key.public_id}/regenerate/", f"keys/{key.public_id}/revoke/", "usage/", "usage/?by=key",
        "usage/?by=day",
        "usage/requests/", f"usage/requests/{event.request_id}/", "limits/", "limits/add/", "limits/webhooks/",
        "limits/webhooks/add/", "billing/", "projects/", "projects/create/", f"projects/{project}/", "members/",
        "members/invite/", "settings/", "settings/security/", "settings/notifications/", "settings/organization/",
        "settings/data/", "accounts/email/", "nothing/",
    ]  # fmt: skip
    for path in pages:
        page = client.get(f"/{path}")
        assert page.status_code in (200, 404), path
        if words := english(page.content.decode()):
            left[path] = words
    for path in ("accounts/login/", "accounts/signup/", "accounts/password/reset/"):
        page = Client(headers={"accept-language": "zh-CN"}).get(f"/{path}")
        if words := english(page.content.decode()):
            left[path] = words
    assert left == {}


def test_english_words_with_two_meanings_are_told_apart(alice: House) -> None:
    alice.member("Bob", Role.ADMIN)
    User.objects.update(language="zh-hans")
    key, secret = alice.key("one")
    serve_all_models()
    limits.set_limit(key, Terms("usd", 1, "month"))
    refused(ask(key, secret))
    client = browser(alice.owner)
    told = {path: client.get(f"/{path}").content.decode() for path in ("billing/", "keys/", "members/", "limits/")}
    told["key"] = client.get(f"/keys/{key.public_id}/").content.decode()
    # Left: what remains, not who went away; a code for credit, not one of a second factor.
    assert ">剩余</th>" in told["billing/"] and "已离开" not in told["billing/"]
    assert "兑换码" in told["billing/"] and "验证码" not in told["billing/"]
    assert ">错误码</th>" in told["limits/"] and "验证码" not in told["limits/"]
    # Never: until now, not for ever. A person's name, and what was done, not when.
    assert "从未" in told["keys/"]
    assert ">姓名</th>" in told["members/"] and "从未" in told["members/"]
    assert "已创建" in told["key"] and "从未" in told["key"]
