"""What every route of the API has in common."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import transaction
from django.db.models import Model
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from accounts.idempotency import Answer, KeyReused, SecretGone
from accounts.models import Organization
from accounts.roles import Permission, Scope
from api import etags, faults
from api.caller import Caller
from api.dressed import Dressed
from gateway.errors import INVALID, ApiError

HEADER = "Idempotency-Key"
# Spaces around a header's value are not part of it.
VISIBLE = r"[!-~]([ -~]*[!-~])?"
_VISIBLE = re.compile(VISIBLE)
# Where a new secret stands: in our answers, and in OpenAI's.
_SECRETS = frozenset({"secret", "value"})


T = TypeVar("T", bound=Model)


class Door(Dressed):
    """A route: who may use it, and what takes effect once."""

    key_scopes: tuple[str, ...] = (Scope.MANAGEMENT,)
    needs: dict[str, tuple[Permission, ...]] = {}

    @property
    def caller(self) -> Caller:
        """Who calls; permissions have been checked."""
        return cast(Caller, self.request.auth)

    @contextmanager
    def edit(self, request: Request, find: Callable[[], T], shown: Callable[[T], dict[str, Any]]) -> Iterator[T]:
        """What is to be edited. With If-Match nobody else edits it meanwhile, and 412 where it is not as it says."""
        condition = request.headers.get("If-Match")
        if condition is None:
            yield find()
            return
        with transaction.atomic():
            # In the order of every verb: the organization, then what belongs to it.
            Organization.objects.select_for_update(no_key=True).get(pk=self.caller.organization.pk)
            found = find()
            type(found)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=found.pk)
            found = find()
            etags.check_unchanged(condition, shown(found))
            yield found

    def once(self, request: Request, work: Callable[[], Answer]) -> Response:
        """The answer of `work`; with an Idempotency-Key at most once."""
        key = request.headers.get(HEADER)
        if key is None:
            return _response(work())
        if len(key) > idempotency.MOST_CHARACTERS or not _VISIBLE.fullmatch(key):
            raise ApiError(
                400,
                INVALID,
                "invalid_value",
                f"An {HEADER} has 1 to {idempotency.MOST_CHARACTERS} printable ASCII characters, no space around.",
                param=HEADER,
            )
        asked = json.dumps([request.method, request.path, request.data], sort_keys=True)
        try:
            return _response(idempotency.once(self.caller.credential, key, asked, work))
        except KeyReused as error:
            raise faults.conflict("idempotency_key_reused", str(error)) from error
        except SecretGone as error:
            raise ApiError(410, INVALID, "secret_gone", str(error)) from error


def _response(answer: Answer) -> Response:
    body = answer.body
    for name in _SECRETS & set(body):
        body = {**body, name: answer.secret}
    headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
    return Response(body, status=answer.status, headers=headers)
