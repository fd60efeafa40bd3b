"""What the API says of a request, for a page in another language: the API itself and its records are in English."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop

from billing import windows
from billing.models import Measure, Window
from dashboard import limit_words
from foundation import shown_dates

# The sentences of admission, of the rate limiter and of explanations.
_SENTENCES = (
    gettext_noop("Allowed: it would hold up to %(amount)s."),
    gettext_noop("The API key is not valid."),
    gettext_noop("The API key is disabled."),
    gettext_noop("The API key is expired."),
    gettext_noop("The API key is revoked."),
    gettext_noop("This key has no permission to chat."),
    gettext_noop("This key may not be used from this address."),
    gettext_noop("The organization is suspended."),
    gettext_noop("The model `%(model)s` does not exist."),
    gettext_noop("This key may not use the model `%(model)s`."),
    gettext_noop("The model `%(model)s` has no price yet."),
    gettext_noop("The model `%(model)s` has no provider at the moment."),
    gettext_noop("This model's maximum context length is %(most)s tokens."),
    gettext_noop("However, you requested %(asked)s tokens (%(input)s in the messages, %(output)s in the completion)."),
    gettext_noop("Shorten the messages or lower max_tokens."),
    gettext_noop(
        "Quota exceeded: the %(scope)s %(name)s has used or set aside %(used)s of its %(limit)s of %(amount)s, and "
        "this request needs at least %(needs)s."
    ),
    gettext_noop(
        "Quota exceeded: the %(scope)s %(name)s has used or set aside %(used)s of its %(limit)s of %(amount)s, and "
        "this request needs up to %(needs)s."
    ),
    gettext_noop(
        "Quota exceeded: the organization %(name)s has used or set aside %(used)s of its %(amount)s credit, and "
        "this request needs up to %(needs)s."
    ),
    gettext_noop("It resets at %(at)s."),
    gettext_noop("Raise the limit."),
    gettext_noop("Raise the limit or lower max_tokens."),
    gettext_noop("Confirm your e-mail address: credit waits for it."),
    gettext_noop("Add credit, upgrade the plan or lower max_tokens."),
    gettext_noop("The %(scope)s used its %(amount)s requests of the last 60 seconds."),
    gettext_noop("Wait and try again."),
    gettext_noop("Rate limit reached: %(amount)s requests in 60 seconds."),
    gettext_noop("Try again in %(wait)s s."),
)
_PLACE = re.compile(r"%\((\w+)\)s")
_COUNT = re.compile(r"(\d+) (token|request)s?")
_NAMES = {
    windows.limit_name(measure, window): (measure, window) for measure in Measure.values for window in Window.values
}
_OTHER_LINES = {"credit": gettext_lazy("Credit"), "requests per minute": gettext_lazy("Requests per minute")}


def said(message: str) -> str:
    """The message in the reader's language; as it is where a sentence is not known."""
    if (get_language() or "en").startswith("en"):
        return message
    told, rest = [], message
    while rest:
        for sentence, pattern in _patterns():
            if found := pattern.match(rest):
                values = {name: _VALUES.get(name, str)(value) for name, value in found.groupdict().items()}
                told.append(gettext(sentence) % values if values else gettext(sentence))
                rest = rest[found.end() :]
                break
        else:
            return message
    return "".join(told)


def line_name(name: str) -> str:
    """What a line of an explanation is about: a limit, the credit, or the requests of a minute."""
    if name in _NAMES:
        return limit_words.name_of(*_NAMES[name])
    return str(_OTHER_LINES.get(name, name))


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((sentence, _pattern(sentence)) for sentence in _SENTENCES)


def _pattern(sentence: str) -> re.Pattern[str]:
    """Of one sentence that stands at the beginning, and the space behind it."""
    parts = _PLACE.split(sentence)
    text = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(rf"{text}(?:\s+|$)", re.DOTALL)


def _scope(value: str) -> str:
    return str(limit_words.SCOPES.get(value, value))


def _amount(value: str) -> str:
    if counted := _COUNT.fullmatch(value):
        return limit_words.exact(f"{counted[2]}s", int(counted[1]))
    return value


def _instant(value: str) -> str:
    try:
        return shown_dates.instant_text(datetime.fromisoformat(value))
    except ValueError:
        return value


_VALUES: dict[str, Callable[[str], str]] = {
    "scope": _scope, "limit": line_name, "used": _amount, "amount": _amount, "needs": _amount, "at": _instant,
}  # fmt: skip
