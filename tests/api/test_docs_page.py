import pytest
from django.test import Client
from playwright.sync_api import sync_playwright


@pytest.mark.django_db
def test_its_policy_is_relaxed_on_that_page_alone():
    policies = {path: Client().get(path)["Content-Security-Policy"] for path in ("/api/docs", "/api/openapi.json")}
    assert "'unsafe-inline'" in policies["/api/docs"]
    assert "script-src 'self';" in policies["/api/docs"] + ";"
    assert "unsafe" not in policies["/api/openapi.json"]


@pytest.mark.browser
@pytest.mark.server
def test_it_shows_the_routes_without_breaking_the_policy(server, chromium):
    said, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{server.url}/api/docs")
            page.get_by_text("/api/v1/keys/{key_id}/regenerate").wait_for(timeout=20_000)
        finally:
            browser.close()
    assert said == []
    assert all(url.startswith((server.url, "data:")) for url in asked)
