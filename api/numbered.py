"""Pages of rows that have a number and no public id of their own."""

from typing import Any

from django.db.models import Q, QuerySet

from api.faults import bad_cursor, not_found

_LARGEST = 2**63 - 1


def page(
    rows: "QuerySet[Any]", limit: int, cursor: str | None, prefix: str, by: str = ""
) -> tuple[list[Any], dict[str, Any]]:
    """One page, newest first, and the members that surround it in the answer.

    Rows are in the order of their number, or with `by` of that instant before it. A number has its place in a list
    that the row has left since.
    """
    order = [f"-{by}", "-pk"] if by else ["-pk"]
    if cursor is not None:
        number = number_of(cursor, prefix)
        if number is None:
            raise bad_cursor()
        if by:
            last = rows.model._default_manager.filter(pk__in=rows.values("pk")).filter(pk=number).first()
            if last is None:
                raise bad_cursor()
            at = getattr(last, by)
            # The first condition alone finds the place in the index.
            rows = rows.filter(**{f"{by}__lte": at}).filter(Q(**{f"{by}__lt": at}) | Q(pk__lt=last.pk))
        else:
            rows = rows.filter(pk__lt=number)
    found = list(rows.order_by(*order)[: limit + 1])
    has_more = len(found) > limit
    found = found[:limit]
    return found, {"has_more": has_more, "next_cursor": f"{prefix}_{found[-1].pk}" if has_more else None}


def number_of(text: str, prefix: str) -> int | None:
    """The number behind the prefix; None for any other text."""
    digits = text.removeprefix(f"{prefix}_")
    if digits == text or not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        return None
    return int(digits) if int(digits) <= _LARGEST else None


def numbered(rows: "QuerySet[Any]", text: str, prefix: str, what: str) -> Any:
    """The row with that id; 404 when it is not among them."""
    number = number_of(text, prefix)
    found = None if number is None else rows.filter(pk=number).first()
    if found is None:
        raise not_found(what)
    return found
