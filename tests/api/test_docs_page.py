import gzip
import json

import pytest
from django.test import Client
from playwright.sync_api import sync_playwright


@pytest.mark.django_db
def test_the_description_comes_compressed_to_those_who_take_it():
    answer = Client().get("/api/openapi.json", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer["Vary"]
    assert json.loads(gzip.decompress(answer.content))["openapi"].startswith("3.1")


@pytest.mark.django_db
def test_their_policy_is_relaxed_on_these_pages_alone():
    paths = ("/api/docs", "/api/redoc", "/api/redoc.js", "/api/openapi.json")
    policies = {path: Client().get(path)["Content-Security-Policy"] for path in paths}
    for page in paths[:2]:
        assert "'unsafe-inline'" in policies[page]
        assert "script-src 'self';" in policies[page] + ";"
    assert all("unsafe" not in policies[other] for other in paths[2:])


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.parametrize(
    ("path", "shown"),
    [("docs", "/api/v1/keys/{key_id}/regenerate"), ("redoc", "Every change in the organization, newest first")],
)
def test_it_shows_the_routes_without_breaking_the_policy(server, chromium, path, shown):
    said, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{server.url}/api/{path}")
            page.get_by_text(shown).first.wait_for(timeout=60_000)
        finally:
            browser.close()
    assert said == []
    assert all(url.startswith((server.url, "data:")) for url in asked)
