"""Whom the pages believe about a client's address and scheme."""

import pytest

from config.asgi import House


def seen(settings, trusted, peer, **headers):
    settings.TRUSTED_PROXIES = trusted
    scope = {
        "type": "http",
        "path": "/",
        "scheme": "http",
        "client": (peer, 4711),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    found = House()._for_pages(scope)
    return found["client"][0], found["scheme"]


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]])
def test_a_stranger_is_not_believed(settings, trusted):
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https"}
    assert seen(settings, trusted, "198.51.100.7", **said) == ("198.51.100.7", "http")


def test_a_trusted_proxy_is_believed(settings):
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https"}
    assert seen(settings, ["10.0.0.0/8"], "10.1.2.3", **said) == ("203.0.113.9", "https")


def test_what_the_client_itself_claimed_is_not(settings):
    said = {"x_forwarded_for": "127.0.0.1, 203.0.113.9"}
    assert seen(settings, ["10.0.0.0/8"], "10.1.2.3", **said) == ("203.0.113.9", "http")
