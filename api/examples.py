"""Examples of the OpenAPI description, by operation; a test holds them against the schemas."""

from typing import Any

from api import event_examples, export_examples, money_examples, organization_examples

_KEY: dict[str, Any] = {
    "object": "api_key",
    "id": "key_7GsQm2PzXv4LtB9cRw1K",
    "name": "production-web",
    "project_id": "proj_D3nVq8YhJk5SfT2aZx6M",
    "owner": None,
    "hint": "sk-…x7Qp",
    "status": "active",
    "scopes": ["chat"],
    "allowed_models": ["deepseek-chat"],
    "allowed_networks": ["203.0.113.0/24"],
    "requests_per_minute": 60,
    "created_at": "2026-11-01T09:30:00Z",
    "expires_at": "2027-11-01T00:00:00Z",
    "disabled_at": None,
    "revoked_at": None,
    "previous_secret_ends_at": None,
    "last_used_at": "2026-11-23T14:05:12.301000Z",
}
_ISSUED = {**_KEY, "last_used_at": None, "secret": "sk-EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMP"}

ANSWERS: dict[str, Any] = {
    "me": {
        "object": "caller",
        "organization": {
            "id": "org_Bq4Tz8WnRk2YvH6sLc1J",
            "name": "Example Ltd",
            "time_zone": "Asia/Shanghai",
            "suspended": False,
        },
        "key": {
            "id": "key_Kf5Wc9XdNb3GpM7rTj2S",
            "name": "automation",
            "project_id": "proj_D3nVq8YhJk5SfT2aZx6M",
            "scopes": ["management"],
        },
        "user": None,
        "permissions": ["manage_keys", "see_keys", "see_money", "see_usage"],
    },
    "keys_list": {"object": "list", "data": [_KEY], "has_more": True, "next_cursor": "key_7GsQm2PzXv4LtB9cRw1K"},
    "keys_create": _ISSUED,
    "keys_get": _KEY,
    "keys_change": _KEY,
    "keys_regenerate": {**_ISSUED, "previous_secret_ends_at": "2026-11-24T14:05:12Z"},
    "keys_secrets": {
        "object": "key_secrets",
        "key_id": _KEY["id"],
        "rotated_at": "2026-11-23T14:05:12Z",
        "counted_since": "2026-11-23T14:05:12Z",
        "data": [
            {
                "hint": "sk-…x7Qp",
                "state": "current",
                "created_at": "2026-11-23T14:05:12Z",
                "stops_at": None,
                "requests": 1204,
                "last_used_at": "2026-11-23T15:40:00Z",
                "last_address": "203.0.113.7",
            },
            {
                "hint": "sk-…b2Wd",
                "state": "retiring",
                "created_at": "2026-11-01T09:30:00Z",
                "stops_at": "2026-11-24T14:05:12Z",
                "requests": 17,
                "last_used_at": "2026-11-23T15:38:00Z",
                "last_address": "203.0.113.9",
            },
        ],
    },
    "keys_stop_old_secret": _KEY,
    "keys_explain": {
        "object": "explanation",
        "key_id": _KEY["id"],
        "model": "deepseek-chat",
        "allowed": True,
        "rule": "allowed",
        "message": "Allowed: it would hold up to $0.01134.",
        "holds": "0.01134",
        "output_cap": 8192,
        "output_lowered": False,
        "limits": [
            {
                "scope": "organization",
                "name": "requests per minute",
                "limit": "60",
                "used": "3",
                "left": "57",
                "needs": "1",
                "resets_at": None,
                "is_hard": True,
            },
            {
                "scope": "key",
                "name": "monthly spending limit",
                "limit": "5.00",
                "used": "1.25",
                "left": "3.75",
                "needs": "0.01134",
                "resets_at": "2026-12-01T00:00:00Z",
                "is_hard": True,
            },
        ],
    },
    "keys_revoke": {**_KEY, "status": "revoked", "revoked_at": "2026-11-23T14:05:12Z"},
    "keys_disable": {**_KEY, "status": "disabled", "disabled_at": "2026-11-23T14:05:12Z"},
    "keys_enable": _KEY,
    **money_examples.ANSWERS,
    **event_examples.ANSWERS,
    **export_examples.ANSWERS,
    **organization_examples.ANSWERS,
}

BODIES: dict[str, Any] = {
    "keys_create": {
        "name": "production-web",
        "scopes": ["chat"],
        "allowed_models": ["deepseek-chat"],
        "allowed_networks": ["203.0.113.0/24"],
        "requests_per_minute": 60,
        "expires_at": "2027-11-01T00:00:00Z",
    },
    "keys_change": {"name": "production-web-2", "requests_per_minute": None},
    "keys_regenerate": {"grace": "24h"},
    "keys_explain": {"model": "deepseek-chat", "input_tokens": 2000, "max_tokens": 500},
    **money_examples.BODIES,
    **event_examples.BODIES,
    **export_examples.BODIES,
    **organization_examples.BODIES,
}
