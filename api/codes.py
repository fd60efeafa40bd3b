"""Every error code of the API: status, type, what causes it and what helps. No Django here."""

from dataclasses import dataclass

_INVALID = "invalid_request_error"
_PERMISSION = "permission_error"


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the documentation."""

    status: int
    type: str
    cause: str
    fix: str


# None: the body could not be read at all, so nothing in it can be named.
CODES: dict[str | None, Code] = {
    None: Code(400, _INVALID, "The body is not a JSON object in UTF-8.", "Send JSON; numbers without NaN or Infinity."),
    "missing_required_parameter": Code(400, _INVALID, "A required member is missing.", "`param` names it."),
    "invalid_value": Code(
        400, _INVALID, "A member has the wrong type or value, or is unknown.", "`errors` lists every one."
    ),
    "invalid_api_key": Code(
        401,
        _INVALID,
        "No key, or one that is malformed, unknown, disabled, revoked, replaced or expired.",
        "Send a live key as `Authorization: Bearer`.",
    ),
    "insufficient_permissions": Code(
        403, _PERMISSION, "The key lacks the scope, or your role the permission.", "Use another key, or ask an admin."
    ),
    "ip_not_allowed": Code(
        403, _PERMISSION, "The key may not be used from your address.", "Call from a network on its list."
    ),
    "organization_suspended": Code(
        403, _PERMISSION, "The organization is suspended.", "A member sees the reason in the console."
    ),
    "csrf_failed": Code(
        403, _PERMISSION, "A session's change came without its CSRF token.", "Send the cookie's value as `X-CSRFToken`."
    ),
    "email_unconfirmed": Code(
        403, _PERMISSION, "No owner has confirmed an e-mail address yet.", "Follow the link in the mail."
    ),
    "unknown_url": Code(404, _INVALID, "There is no such route.", "Look the path up here; no slash at the end."),
    "not_found": Code(
        404, _INVALID, "It does not exist, or not in your organization.", "Check the id; `param` names it."
    ),
    "method_not_supported": Code(405, _INVALID, "The route has no such method.", "`Allow` lists those it has."),
    "name_taken": Code(409, _INVALID, "A live key or project there has this name.", "Choose another name."),
    "project_not_archived": Code(409, _INVALID, "Only an archived project can be deleted.", "Archive it first."),
    "project_deleted": Code(409, _INVALID, "The project was deleted meanwhile.", "Create a new one."),
    "too_many_projects": Code(
        409, _INVALID, "The organization has as many projects as it may.", "Delete one that nobody uses."
    ),
    "last_owner": Code(409, _INVALID, "The organization would have no owner.", "Make someone else an owner first."),
    "not_a_member": Code(409, _INVALID, "The person is not in the organization.", "Invite them first."),
    "member_already": Code(409, _INVALID, "Somebody with this address is a member.", "Change their role instead."),
    "invited_already": Code(
        409, _INVALID, "This address has an open invitation.", "Send it again, or withdraw it first."
    ),
    "domain_not_allowed": Code(
        409,
        _INVALID,
        "The organization takes addresses of other domains only.",
        "Invite another address, or add the domain: `PATCH /organization` with `allowed_domains`.",
    ),
    "two_factor_missing": Code(
        409,
        _INVALID,
        "A second factor cannot be asked of members: you have none, or for a key no owner has one.",
        "Set one up in the console first: Settings, Security.",
    ),
    "too_soon": Code(409, _INVALID, "The invitation was sent less than a minute ago.", "Wait a minute."),
    "too_many_invitations": Code(
        409, _INVALID, "The organization has sent as many invitations as it may in a day.", "Go on tomorrow."
    ),
    "key_revoked": Code(409, _INVALID, "The key was revoked, which cannot be undone.", "Create a new key."),
    "key_built_in": Code(409, _INVALID, "The playground's key cannot be changed.", "Create a key of your own."),
    "project_archived": Code(409, _INVALID, "The project is archived.", "Choose another project."),
    "too_many_keys": Code(409, _INVALID, "The project has as many keys as it may.", "Revoke keys that nobody uses."),
    "limit_exists": Code(
        409, _INVALID, "There is a limit of this measure and window already.", "Change that one: `PATCH /limits/{id}`."
    ),
    "too_many_endpoints": Code(
        409, _INVALID, "The organization has as many webhook endpoints as it may.", "Remove one first."
    ),
    "endpoint_disabled": Code(
        409, _INVALID, "The webhook endpoint is switched off.", "Switch it on: `PATCH` with `enabled` true."
    ),
    "endpoint_removed": Code(409, _INVALID, "The webhook endpoint was removed meanwhile.", "Create a new one."),
    "delivery_running": Code(409, _INVALID, "The message is being sent right now.", "Look at its log in a moment."),
    "code_mistyped": Code(400, _INVALID, "This cannot be a code.", "Look for typing errors: five groups of four."),
    "code_not_found": Code(404, _INVALID, "There is no such code.", "Ask who gave it to you."),
    "code_expired": Code(409, _INVALID, "The code has expired or was withdrawn.", "Ask who gave it for a new one."),
    "code_used_up": Code(409, _INVALID, "The code was redeemed as often as it allows.", "Ask for another one."),
    "code_redeemed": Code(
        409, _INVALID, "This organization has redeemed the code already.", "Its credit is among the grants."
    ),
    "too_many_codes_tried": Code(
        429, _INVALID, "Too many codes that do not exist were tried.", "Wait for the seconds in `Retry-After`."
    ),
    "invalid_event": Code(
        400, _INVALID, "The event is no CloudEvent of a known type, or says something impossible.", "`param` names it."
    ),
    "too_old": Code(400, _INVALID, "The event is older than 35 days.", "Older usage is for an operator to import."),
    "too_early": Code(400, _INVALID, "The event lies more than 5 minutes ahead.", "Set the clock; check the zone."),
    "model_not_found": Code(400, _INVALID, "The catalog has no such model.", "Use a name of `GET /v1/models`."),
    "no_price": Code(400, _INVALID, "The model had no price at that time.", "An operator can give it one."),
    "key_not_found": Code(400, _INVALID, "The event names no key that it may.", "Look at `GET /keys`."),
    "project_not_found": Code(400, _INVALID, "The event names no project that it may.", "Check the id."),
    "event_not_found": Code(
        400, _INVALID, "A correction names no event that was accepted.", "Send the event first, then its correction."
    ),
    "event_voided": Code(400, _INVALID, "The event is void already.", "Nothing is left to do."),
    "event_conflict": Code(
        409, _INVALID, "The same source and id came before and said something else.", "Send a correction, or a new id."
    ),
    "idempotency_key_reused": Code(
        409, _INVALID, "The Idempotency-Key came before with another request.", "Make a new one for each request."
    ),
    "secret_gone": Code(
        410,
        _INVALID,
        "The request was carried out before, and its secret can no longer be shown.",
        "Regenerate the key to get a new secret.",
    ),
    "precondition_failed": Code(
        412, _INVALID, "`If-Match` names another state: it was changed meanwhile.", "Read it again, then decide anew."
    ),
    "request_too_large": Code(413, _INVALID, "The body is too large.", "Send less."),
    "unsupported_media_type": Code(
        415,
        _INVALID,
        "The body is not JSON, or it is compressed.",
        "Send `Content-Type: application/json` and no `Content-Encoding`.",
    ),
    "rate_limit_exceeded": Code(
        429, "requests", "Too many requests in 60 seconds.", "Wait for the seconds in `Retry-After`."
    ),
    "internal_error": Code(
        500, "server_error", "Something went wrong on our side.", "Try again; report the request id."
    ),
    "server_overloaded": Code(503, "server_error", "The database cannot be reached.", "Try again after `Retry-After`."),
}


def of_status(status: int) -> dict[str | None, Code]:
    """The codes that come with this status."""
    return {name: code for name, code in CODES.items() if code.status == status}
