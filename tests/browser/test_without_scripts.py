"""The console without JavaScript: what people come for works with links and forms alone."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from billing import codes
from foundation.money import NANO
from tests.browser.furnished import Furnished
from tests.dashboard.console import aside
from tests.databases import using
from tests.people import PASSWORD

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def page(browser: Browser, lived_in: Furnished) -> Iterator[Page]:
    """Ana, who logs in by the form."""
    context = browser.new_context(java_script_enabled=False, base_url=lived_in.server.url)
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=login]", "ana@northwind.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    yield page
    context.close()


def test_a_key_is_made_and_its_secret_is_seen_once(page: Page) -> None:
    page.goto("/keys/")
    page.click("#create-key")
    page.fill("main [name=name]", "made by hand")
    page.click("main form:not(.languages) button[type=submit]")
    secret = page.inner_text("#secret")
    assert secret.startswith("sk-")
    page.click("#done")
    expect(page.get_by_role("link", name="made by hand", exact=True)).to_be_visible()
    assert secret not in page.content()
    page.get_by_role("link", name="made by hand", exact=True).click()
    assert secret not in page.content()
    expect(page.locator("main")).to_contain_text(secret[-4:])


def test_a_key_is_revoked(page: Page) -> None:
    page.goto("/keys/")
    page.get_by_role("link", name="Revoke nightly-report").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.locator("main")).to_contain_text("nightly-report is revoked.")
    expect(page.get_by_role("link", name="nightly-report", exact=True)).to_have_count(0)


def test_a_key_in_use_is_revoked_by_its_name(page: Page) -> None:
    page.goto("/keys/")
    page.get_by_role("link", name="Revoke ci-smoke-tests").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("alert")).to_contain_text("Type it exactly")
    page.fill("[name=name]", "ci-smoke-tests")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.locator("main")).to_contain_text("ci-smoke-tests is revoked.")


def test_usage_is_read_in_tables(page: Page) -> None:
    page.goto("/usage/?by=key")
    breakdown = page.locator("main table").last
    expect(breakdown).to_be_visible()
    expect(breakdown.get_by_role("row").filter(has_text="production-web")).to_contain_text(re.compile(r"\d\.\d{6}"))
    page.get_by_text("Show as table").click()
    expect(page.locator("details.asTable table")).to_be_visible()
    page.click("#s-project")
    page.get_by_role("group", name="Project").get_by_text("Search", exact=True).click()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main table").last).not_to_contain_text("production-web")
    expect(page.locator("main table").last).to_contain_text("search-reranker")


@pytest.mark.parametrize("path", ["/usage/", "/usage/requests/", "/billing/"])
def test_a_table_is_exported(page: Page, tmp_path: Path, path: str) -> None:
    page.goto(path)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    download.value.save_as(tmp_path / "export.csv")
    rows = list(csv.reader((tmp_path / "export.csv").open(newline="", encoding="utf-8-sig")))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_code_is_redeemed(page: Page, lived_in: Furnished, django_db_blocker: DjangoDbBlocker) -> None:
    def make() -> str:
        with django_db_blocker.unblock(), using(lived_in.server.database_url):
            return codes.create(codes.Terms(7 * NANO)).text

    page.goto("/billing/")
    page.fill("main [name=code]", aside(make))
    page.get_by_role("button", name="Redeem code").click()
    expect(page.locator("main")).to_contain_text("$7.00")


def test_a_limit_is_set(page: Page) -> None:
    page.goto("/limits/")
    page.get_by_role("link", name="Set a limit").click()
    page.select_option("[name=subject]", label="Search")
    page.fill("[name=amount]", "123")
    page.get_by_role("button", name="Set limit").click()
    expect(page.get_by_role("table", name="Limits", exact=True).filter(has_text="$123.00")).to_be_visible()


def test_a_project_is_made(page: Page) -> None:
    page.goto("/projects/")
    page.click("#create-project")
    page.fill("main [name=name]", "Made by hand")
    page.click("main form:not(.languages) button[type=submit]")
    expect(page.locator("main")).to_contain_text("Made by hand")


def test_somebody_is_invited(page: Page) -> None:
    page.goto("/members/")
    page.click("#invite")
    page.fill("main [name=emails]", "rosa@example.com")
    page.click("main form:not(.languages) button[type=submit]")
    expect(page.locator("main")).to_contain_text("rosa@example.com")


def test_the_menu_is_there_on_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    expect(page.get_by_role("link", name="API keys", exact=True)).to_be_visible()
