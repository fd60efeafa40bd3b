"""What every route of the API has in common."""

import json
from collections.abc import Callable
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from accounts.idempotency import Answer, KeyReused, SecretGone
from accounts.roles import Permission, Scope
from api import faults
from api.caller import Caller
from api.dressed import Dressed
from gateway.errors import INVALID, ApiError

HEADER = "Idempotency-Key"


class Door(Dressed):
    """A route: who may use it, and what takes effect once."""

    key_scopes: tuple[str, ...] = (Scope.MANAGEMENT,)
    needs: dict[str, tuple[Permission, ...]] = {}

    @property
    def caller(self) -> Caller:
        """Who calls; permissions have been checked."""
        return cast(Caller, self.request.auth)

    def once(self, request: Request, work: Callable[[], Answer]) -> Response:
        """The answer of `work`; with an Idempotency-Key at most once."""
        key = request.headers.get(HEADER)
        if key is None:
            return _response(work())
        if not 1 <= len(key) <= idempotency.MOST_CHARACTERS or not (key.isascii() and key.isprintable()):
            raise ApiError(
                400,
                INVALID,
                "invalid_value",
                f"An {HEADER} has 1 to {idempotency.MOST_CHARACTERS} printable ASCII characters.",
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
    if "secret" in body:
        body = {**body, "secret": answer.secret}
    headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
    return Response(body, status=answer.status, headers=headers)
