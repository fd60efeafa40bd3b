"""OpenAI's organization API: what its routes share. Only keys that manage call it; shapes and paging are theirs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import Role
from api import faults
from api.authentication import KeyAuthentication
from api.door import Door
from api.strict import Strict
from gateway.errors import INVALID, ApiError

_MOST = 100
OWNER, READER = "owner", "reader"


class AfterQuery(Strict):
    """`after` is the id that the page before ended with."""

    after = serializers.CharField(max_length=40, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=_MOST, default=20)


class OpenAIDoor(Door):
    authentication_classes = [KeyAuthentication]

    def listed(
        self,
        rows: "QuerySet[Any]",
        asked: dict[str, Any],
        shown: Callable[[list[Any]], list[dict[str, Any]]],
        id_of: str = "public_id",
        *,
        newest_first: bool = False,
        among: "QuerySet[Any] | None" = None,
    ) -> Response:
        """A page in the order of creation; `after` is one of `among`, as `api.paging` has it."""
        if "after" in asked:
            last = (rows if among is None else among).filter(**{id_of: asked["after"]}).first()
            if last is None:
                raise ApiError(400, INVALID, "invalid_value", "`after` is no id of this list.", param="after")
            rows = rows.filter(pk__lt=last.pk) if newest_first else rows.filter(pk__gt=last.pk)
        found = list(rows.order_by("-pk" if newest_first else "pk")[: asked["limit"] + 1])
        data = shown(found[: asked["limit"]])
        return Response(
            {
                "object": "list",
                "data": data,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
                "has_more": len(found) > len(data),
            }
        )


def asked_of(kind: type[Strict], request: Request) -> dict[str, Any]:
    """The query or the body, understood whole; raises ValidationError."""
    given = kind(data=_query(request) if request.method in ("GET", "HEAD") else request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _query(request: Request) -> QueryDict:
    """The query; OpenAI's clients write a list as `emails[]=`."""
    query = QueryDict(mutable=True)
    for name, values in request.query_params.lists():
        query.setlist(name.removesuffix("[]"), values)
    return query


def found(rows: "QuerySet[Any]", what: str, **where: Any) -> Any:
    """The one row; 404 for what is not there or another organization's."""
    # PostgreSQL does not even look for a NUL.
    is_text = not any("\0" in str(value) for value in where.values())
    row = rows.filter(**where).first() if is_text else None
    if row is None:
        raise faults.not_found(what)
    return row


def seconds(at: datetime | None) -> int | None:
    """Unix seconds."""
    return int(at.timestamp()) if at else None


def role_of(role: str) -> str:
    """Owners and admins manage, which OpenAI calls owner; everybody else reads."""
    return OWNER if role in (Role.OWNER, Role.ADMIN) else READER


def person(user: User, role: str, **more: Any) -> dict[str, Any]:
    """A member who owns something."""
    return {
        "id": user.public_id,
        "name": user.name or user.email,
        "created_at": seconds(user.date_joined),
        "role": role_of(role),
        **more,
    }
