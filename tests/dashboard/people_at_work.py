"""Browsers of people who are logged in, for tests of the console's pages."""

from django.test import Client

from accounts.models import User


def browser(user: User | None, **more: object) -> Client:
    """A browser in which the person is logged in; nobody when None."""
    client = Client(**more)  # type: ignore[arg-type]
    if user:
        client.force_login(user)
    return client
