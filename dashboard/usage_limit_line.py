"""The limit that a bar of the Usage chart could reach: of the same measure, as long as a bar, on what is shown."""

from accounts.models import ApiKey
from billing import limits
from billing.models import Measure, SpendingLimit
from dashboard import limit_words
from dashboard.usage_chart import LimitLine
from dashboard.usage_filters import UsageFilter

_MEASURES = {"cost": Measure.USD, "tokens": Measure.TOKENS, "requests": Measure.REQUESTS}


def of(chosen: UsageFilter) -> LimitLine | None:
    """None where the bars are hours, where models or people are chosen, or where there is no such limit."""
    if chosen.unit == "hour" or chosen.models or chosen.members:
        return None
    subject = _subject(chosen)
    limit: SpendingLimit | None = limits.find(subject, _MEASURES[chosen.metric], chosen.unit) if subject else None
    if limit is None:
        return None
    name = limit_words.name_of(limit.measure, limit.window)
    return LimitLine(limit.amount, f"{name}: {limit_words.exact(limit.measure, limit.amount)}")


def _subject(chosen: UsageFilter) -> limits.Subject | None:
    """What is shown, when it is one thing: the chosen key, else the chosen project, else everything."""
    if chosen.keys:
        key: ApiKey = chosen.keys[0]
        return key if len(chosen.keys) == 1 and not chosen.projects else None
    if chosen.projects:
        return chosen.projects[0] if len(chosen.projects) == 1 else None
    return chosen.scope.organization if chosen.scope.every else None
