"""Every answer of the house carries one strict policy for its content; tests/browser asks the same of every page."""

import pytest

from tests.dashboard.metered import logged_in
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip


def _policy(response: object) -> set[str]:
    return {part.strip() for part in response["Content-Security-Policy"].split(";")}  # type: ignore[index]


@pytest.mark.parametrize(
    "path",
    [
        "/", "/keys/", "/usage/export.csv", "/nowhere/", "/accounts/login/", "/settings/data/export/", "/docs/",
        "/docs/search.json", "/playground/words.js", "/static/icon.svg", "/static/css/console.css", "/api/v1/me",
        "/api/openapi.json", "/api/v1/nowhere", "/admin/login/", "/accounts/2fa/",
    ],
)  # fmt: skip
def test_an_answer_carries_the_policy(path: str) -> None:
    assert _policy(logged_in(house("Alice").owner).get(path)) == POLICY


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
def test_the_pages_of_the_api_may_style_themselves_and_nothing_else(path: str) -> None:
    assert _policy(logged_in(house("Alice").owner).get(path)) - POLICY == {"style-src 'self' 'unsafe-inline'"}
