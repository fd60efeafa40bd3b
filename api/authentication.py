"""Find out who calls: the API key in the headers, or the person of a console session."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts import keys, policies
from accounts.actor import Actor
from accounts.idempotency import Credential
from accounts.keys import hash_of
from accounts.models import ApiKey, Membership
from api.caller import Caller
from billing import callers
from foundation import secrets
from gateway import credentials, errors, permission

# Where the console keeps which organization a person looks at.
_CHOSEN = "organization"


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `api-key: KEY`, by the gateway's own rules; looked up anew for each request."""

    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        headers = [
            (name, request.META[field].encode("latin-1", "replace"))
            for name, field in ((b"authorization", "HTTP_AUTHORIZATION"), (b"api-key", "HTTP_API_KEY"))
            if field in request.META
        ]
        if not headers:
            return None
        secret = credentials.secret_of(headers)
        if not secrets.is_well_formed(secret):
            raise permission.invalid_key()
        digest = hash_of(secret)
        found = callers.by_secret([digest], timezone.now()).get(digest)
        principal = permission.check_alive(found.principal if found else None)
        if principal.secret_id is not None:
            keys.note_uses({principal.secret_id: _address(request)})
        api_key = ApiKey.objects.select_related("organization", "project").get(pk=principal.key_id)
        return None, Caller(
            organization=api_key.organization,
            actor=Actor(key_id=api_key.public_id, address=_address(request)),
            credential=Credential(principal.organization_id, f"key:{api_key.public_id}", secret),
            address=_address(request),
            principal=principal,
            api_key=api_key,
        )

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ConsoleSession(SessionAuthentication):
    """A person who is logged in to the console; changes need the CSRF token as `X-CSRFToken`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            found = super().authenticate(request)
        except PermissionDenied as error:
            raise errors.forbidden("csrf_failed", str(error.detail)) from error
        if found is None:
            return None
        user = found[0]
        memberships = list(
            Membership.objects.select_related("organization", "user").filter(user=user).order_by("created_at", "pk")
        )
        if not memberships:
            raise errors.forbidden("insufficient_permissions", "You are not a member of any organization.")
        session = request._request.session
        chosen = session.get(_CHOSEN)
        membership = next((one for one in memberships if one.organization.public_id == chosen), memberships[0])
        if policies.lacks_factor(membership):
            message = "This organization asks for two-factor log-in. Set it up in the console under Settings, Security."
            raise errors.forbidden("insufficient_permissions", message)
        return user, Caller(
            organization=membership.organization,
            actor=Actor(user, address=_address(request)),
            credential=Credential(
                membership.organization_id, f"user:{membership.user.public_id}", session.session_key or ""
            ),
            address=_address(request),
            membership=membership,
        )
