"""Who of Alice's organization may use which operation on usage and money; everybody else there gets 403."""

PEOPLE = ("owner", "admin", "developer", "billing", "viewer")
OWN = (*PEOPLE, "management key", "usage key", "chat key", "ingest key")
_ALL = set(OWN) - {"chat key", "ingest key"}
_SEE_MONEY = _ALL - {"viewer"}
_MANAGE_MONEY = {"owner", "admin", "billing", "management key"}
_MANAGE = {"owner", "admin", "management key"}

MAY = {
    "usage": _ALL,
    "costs": _SEE_MONEY,
    "requests_list": _ALL,
    "requests_get": _ALL,
    "requests_price": _SEE_MONEY,
    "limits_list": _ALL,
    "limits_get": _ALL,
    "limits_create": _MANAGE_MONEY,
    "limits_change": _MANAGE_MONEY,
    "limits_remove": _MANAGE_MONEY,
    "alerts_list": _ALL,
    "webhooks_list": _MANAGE,
    "webhooks_create": _MANAGE,
    "webhooks_get": _MANAGE,
    "webhooks_change": _MANAGE,
    "webhooks_remove": _MANAGE,
    "webhooks_rotate": _MANAGE,
    "webhooks_test": _MANAGE,
    "deliveries_list": _MANAGE,
    "deliveries_get": _MANAGE,
    "deliveries_replay": _MANAGE,
    "balance": _SEE_MONEY,
    "grants_list": _MANAGE_MONEY,
    "codes_redeem": _MANAGE_MONEY,
    "plans_list": _ALL,
    "plans_current": _ALL,
    "ledger": _MANAGE_MONEY,
    "ledger_entries": _MANAGE_MONEY,
    "refusals_list": _ALL,
    "refusals_counts": _ALL,
    "models_list": _ALL,
    "models_get": _ALL,
    "prices_list": _ALL,
    "status": _ALL,
    "providers_list": _ALL,
    "exports_usage": _ALL,
    "exports_requests": _ALL,
    "exports_ledger": _MANAGE_MONEY,
}
