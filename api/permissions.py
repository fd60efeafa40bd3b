"""May this caller use this route? The key's scope, network and organization; or the person's role."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.roles import Scope
from api import faults
from api.caller import Caller
from gateway import errors, permission


class CallerMay(BasePermission):
    """Reads `key_scopes` (any of them opens the route) and `needs` (permissions by method, any of them) of the view."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.auth
        if not isinstance(caller, Caller):
            raise errors.invalid_api_key(
                "You did not provide an API key. Send it as `Authorization: Bearer YOUR_API_KEY`."
            )
        if caller.principal is not None:
            scopes: tuple[str, ...] = getattr(view, "key_scopes", (Scope.MANAGEMENT,))
            scope = next((one for one in scopes if one in caller.principal.scopes), scopes[0])
            permission.check_allowed(caller.principal, str(scope), caller.address)
        needed = getattr(view, "needs", {}).get("GET" if request.method == "HEAD" else request.method, ())
        if needed and not any(caller.may(one) for one in needed):
            raise faults.forbidden(f"Your role lacks the permission “{needed[0].label}”.")
        return True
