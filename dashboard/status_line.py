"""The status page in one line, for the Overview: looked at once in a while, not on every visit."""

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing import status_report
from billing.status_report import State

_KEY = "status-line"
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class StatusLine:
    """How the worst of the components is, and the names of those in trouble."""

    worst: State
    troubled: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        return status_report.WORDS[self.worst][1]

    @property
    def words(self) -> str:
        """One sentence."""
        if self.worst == State.WORKING:
            return _("All systems working")
        if self.worst == State.UNKNOWN:
            return _("System status not known yet")
        said = _("Not working: %(names)s") if self.worst == State.DOWN else _("May not work: %(names)s")
        return said % {"names": ", ".join(self.troubled)}


def read(now: datetime) -> StatusLine:
    """As it was at most half a minute ago."""
    key = f"{_KEY}.{get_language()}"
    known: tuple[str, tuple[str, ...]] | None = cache.get(key)
    if known is None:
        report = status_report.make(None, now)
        known = (report.worst.value, tuple(str(one.name) for one in report.troubled))
        cache.set(key, known, _SECONDS)
    return StatusLine(State(known[0]), known[1])
