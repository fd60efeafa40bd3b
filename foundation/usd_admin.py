"""Amounts in the admin: shown and typed as USD, stored as integers."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin

from foundation.money import InvalidAmount, from_usd, price_from_usd_per_million, usd_per_million_string, usd_string


def usd(field: str, label: str) -> Callable[[Any], str]:
    """A column of a nano-USD field as USD."""

    @admin.display(description=f"{label}, USD", ordering=field)
    def column(row: Any) -> str:
        return usd_string(getattr(row, field))

    return column


def usd_per_million(field: str, label: str) -> Callable[[Any], str]:
    """A column of a pico-USD-per-token field as USD per 1M tokens."""

    @admin.display(description=f"{label}, USD per 1M tokens", ordering=field)
    def column(row: Any) -> str:
        return usd_per_million_string(getattr(row, field))

    return column


class _Exact(forms.CharField):
    """Text that becomes an exact integer; a float never stands between."""

    parse: Callable[[str], int]
    shown: Callable[[int], str]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return type(self).parse(text)
        except InvalidAmount as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return type(self).shown(value) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class UsdField(_Exact):
    """USD such as 12.50 -> nano-USD."""

    parse = staticmethod(from_usd)
    shown = staticmethod(usd_string)


class UsdPerMillionField(_Exact):
    """USD per 1M tokens such as 0.27 -> pico-USD per token."""

    parse = staticmethod(price_from_usd_per_million)
    shown = staticmethod(usd_per_million_string)
