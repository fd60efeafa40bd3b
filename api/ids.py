"""Public ids in URLs: anything else is no route."""

from django.urls import register_converter


def register(name: str, prefix: str) -> None:
    """A converter of that name for ids such as `lim_4fTz…`."""
    members = {"regex": f"{prefix}_[0-9A-Za-z]{{1,36}}", "to_python": staticmethod(str), "to_url": staticmethod(str)}
    register_converter(type(f"{name}_converter", (), members), name)
