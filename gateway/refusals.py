"""Say a refusal of admission in the words of the wire contract."""

from accounts.principal import ACTIVE
from billing.terms import Refusal
from gateway import errors, permission
from gateway.errors import ApiError

# The hint was wrong: look the caller up again and go once more.
RETRY = frozenset({"stale", "invalid_key", "disabled", "revoked", "expired"})


def as_error(refusal: Refusal, model: str) -> ApiError:
    """The answer to a refusal that looking up the caller again cannot change."""
    kind = refusal.kind
    if kind in ("insufficient_permissions", "ip_not_allowed", "organization_suspended"):
        return errors.forbidden(kind, refusal.message)
    if kind == "model_not_found":
        return errors.model_not_found(model)
    if kind == "model_not_allowed":
        return errors.model_not_allowed(model)
    if kind == "context_length_exceeded":
        return errors.context_length_exceeded(refusal.message)
    if kind == "insufficient_quota":
        return errors.insufficient_quota(refusal.message, refusal.limit)
    if kind in RETRY:
        return _dead_key(refusal)
    return errors.overloaded("This model has no provider at the moment. Try again later or use another model.")


def _dead_key(refusal: Refusal) -> ApiError:
    principal = refusal.principal
    if principal is None or principal.state == ACTIVE:
        return permission.invalid_key()
    try:
        permission.check_alive(principal)
    except ApiError as error:
        return error
    return permission.invalid_key()
