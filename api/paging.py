"""Lists in pages: newest first, a cursor for what follows."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.faults import bad_cursor
from api.strict import Strict


class PageQuery(Strict):
    """`limit` and `cursor` of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="Entries a page.")
    cursor = serializers.CharField(
        max_length=40, required=False, help_text="`next_cursor` of the page before; newest first."
    )


def page(
    rows: "QuerySet[Any]", limit: int, cursor: str | None, *, among: "QuerySet[Any]"
) -> tuple[list[Any], dict[str, Any]]:
    """One page of rows that have a public id, and the members that surround them in the answer.

    The cursor is one of `among`: what was the last of a page may have left the list since, and still has its place.
    """
    if cursor is not None:
        last = among.filter(public_id=cursor).values_list("pk", flat=True).first()
        if last is None:
            raise bad_cursor()
        rows = rows.filter(pk__lt=last)
    found = list(rows.order_by("-pk")[: limit + 1])
    has_more = len(found) > limit
    found = found[:limit]
    return found, {"has_more": has_more, "next_cursor": found[-1].public_id if has_more else None}
