"""One page of the list of keys: what was searched for, in which order, and where it goes on."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from dashboard.access import Desk

SIZES = (25, 50, 100)
# By the name in the address: heading, what is compared, and whether the largest comes first.
_ORDERS: dict[str, tuple[Any, str, bool]] = {
    "newest": (_("Created"), "created_at", True),
    "oldest": (_("Created"), "created_at", False),
    "name": (_("Name"), "folded", False),
    "-name": (_("Name"), "folded", True),
}
_OPPOSITE = {"newest": "oldest", "oldest": "newest", "name": "-name", "-name": "name"}


@dataclass(frozen=True, slots=True)
class Order:
    """A heading that sorts: `direction` is that of aria-sort, empty while another one sorts."""

    title: str
    url: str
    direction: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what it cannot mean is as if it were not there."""

    query: str = ""
    status: str = ""
    project: str = ""
    order: str = "newest"
    size: int = SIZES[0]
    after: str = ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.query or self.status or self.project)

    def address(self) -> str:
        """The query string, without what is usual."""
        given = {
            "q": self.query,
            "status": self.status,
            "project": self.project,
            "sort": "" if self.order == "newest" else self.order,
            "size": "" if self.size == SIZES[0] else str(self.size),
            "after": self.after,
        }
        return "?" + urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys, and the addresses of the first page and of the next; empty where there is none."""

    keys: list[ApiKey]
    first: str
    following: str


def read(given: QueryDict) -> Asked:
    """From the address."""
    status, order, size = given.get("status", ""), given.get("sort", ""), given.get("size", "")
    return Asked(
        query=given.get("q", "").strip().replace("\0", "")[:100],
        status=status if status in ("revoked", "all") else "",
        project=given.get("project", "").replace("\0", "")[:40],
        order=order if order in _ORDERS else "newest",
        size=int(size) if size in map(str, SIZES) else SIZES[0],
        after=given.get("after", "").replace("\0", "")[:40],
    )


def page(desk: Desk, asked: Asked) -> Page:
    """The page after the key that the address names; from the beginning when that is gone."""
    found = _found(desk, asked)
    first = ""
    if asked.after and (last := found.filter(public_id=asked.after).first()):
        found = found.filter(_behind(asked.order, last))
        first = replace(asked, after="").address()
    keys = list(found[: asked.size + 1])
    shown = keys[: asked.size]
    following = replace(asked, after=shown[-1].public_id).address() if len(keys) > asked.size else ""
    return Page(shown, first, following)


def orders(asked: Asked) -> dict[str, Order]:
    """The headings that sort, by what they sort."""
    return {"name": _order(asked, "name"), "created": _order(asked, "newest")}


def sizes(asked: Asked) -> list[tuple[int, str, bool]]:
    """How many a page: number, address, whether it is chosen."""
    return [(size, replace(asked, size=size, after="").address(), size == asked.size) for size in SIZES]


def _found(desk: Desk, asked: Asked) -> QuerySet[ApiKey]:
    found = (
        ApiKey.objects.visible()
        .filter(organization=desk.organization, project__in=desk.projects())
        .select_related("project", "created_by", "organization")
        .prefetch_related("secrets")
        .annotate(folded=Lower("name"))
    )
    if asked.query:
        by_secret = ApiKey.objects.filter(secrets__last_four=asked.query[-4:]).values("pk")
        found = found.filter(Q(name__icontains=asked.query) | Q(pk__in=by_secret))
    if asked.project:
        found = found.filter(project__public_id=asked.project)
    if asked.status == "revoked":
        found = found.exclude(revoked_at=None)
    elif asked.status != "all":
        found = found.filter(revoked_at=None)
    _title, column, is_falling = _ORDERS[asked.order]
    sign = "-" if is_falling else ""
    return found.order_by(f"{sign}{column}", f"{sign}pk")


def _behind(order: str, last: ApiKey) -> Q:
    """What comes later in this order."""
    _title, column, is_falling = _ORDERS[order]
    than = "lt" if is_falling else "gt"
    value = getattr(last, column)
    return Q(**{f"{column}__{than}": value}) | Q(**{column: value, f"pk__{than}": last.pk})


def _order(asked: Asked, usual: str) -> Order:
    title, _column, _is_falling = _ORDERS[usual]
    chosen = asked.order if asked.order in (usual, _OPPOSITE[usual]) else ""
    following = _OPPOSITE[chosen] if chosen else usual
    direction = ""
    if chosen:
        direction = "descending" if _ORDERS[chosen][2] else "ascending"
    return Order(str(title), replace(asked, order=following, after="").address(), direction)
