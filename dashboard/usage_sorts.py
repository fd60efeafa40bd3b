"""The headings of the breakdown that sort it: in the address, by the server."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from dashboard.usage_filters import SORTS, UsageFilter

_TITLES: dict[str, Any] = {
    "requests": _("Requests"),
    "input": _("Input tokens"),
    "cached": _("of which cached"),
    "output": _("Output tokens"),
    "errors": _("Errors"),
    "time": _("p50 time"),
    "cost": _("Cost (USD)"),
}


@dataclass(frozen=True, slots=True)
class Head:
    """A heading; `direction` is that of aria-sort, empty while another one sorts."""

    title: str
    url: str
    direction: str


def usual(chosen: UsageFilter) -> str:
    """Without a choice: the newest day, or the largest share, first."""
    return "-name" if chosen.by == "day" else "-share"


def heads(chosen: UsageFilter, name: str, share: str) -> list[Head]:
    """In the order of the columns: the first is called `name`, the last `share`."""
    columns = [one for one in SORTS if chosen.scope.sees_money or one != "cost"]
    titles = {**_TITLES, "name": name, "share": share}
    return [_head(chosen, column, str(titles[column])) for column in columns]


def _head(chosen: UsageFilter, column: str, title: str) -> Head:
    current = chosen.sort or usual(chosen)
    # Words begin with A, figures with the largest, and what is sorted is turned round.
    following = column if column == "name" and chosen.by != "day" else f"-{column}"
    direction = ""
    if current.removeprefix("-") == column:
        direction = "descending" if current.startswith("-") else "ascending"
        following = column if direction == "descending" else f"-{column}"
    return Head(title, chosen.query(sort="" if following == usual(chosen) else following), direction)
