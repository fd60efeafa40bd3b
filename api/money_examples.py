"""Examples of usage and money in the OpenAPI description, by operation."""

from typing import Any

_PROJECT, _KEY = "proj_D3nVq8YhJk5SfT2aZx6M", "key_7GsQm2PzXv4LtB9cRw1K"
_LAST = {"has_more": False, "next_cursor": None}
_SUMS = {
    "requests": 2,
    "input_tokens": 1042,
    "cached_input_tokens": 512,
    "output_tokens": 187,
    "cost": "0.00038464",
}
_GROUP = {"id": "deepseek-chat", "name": "deepseek-chat", **_SUMS}
_COST = {"id": "deepseek-chat", "name": "deepseek-chat", "amount": "0.00038464"}
_REQUEST: dict[str, Any] = {
    "object": "request",
    "id": "req_8c1d0e2f3a4b5c6d7e8f9a0b",
    "at": "2026-11-23T14:05:12.301000Z",
    "model": "deepseek-chat",
    "project_id": _PROJECT,
    "key_id": _KEY,
    "status": 200,
    "ended": "stop",
    "error_code": None,
    "stream": True,
    "input_tokens": 521,
    "cached_input_tokens": 256,
    "output_tokens": 94,
    "reasoning_tokens": None,
    "tokens_from": "upstream",
    "timing": {"first_token_ms": 310, "total_ms": 2190, "output_tokens_per_second": "50.0"},
    "cost": "0.00019287",
}


def _price(number: int, usd: str) -> dict[str, Any]:
    return {
        "id": f"price_{number}",
        "applies_to": "everybody",
        "usd_per_million_tokens": usd,
        "effective_from": "2026-01-01T00:00:00Z",
    }


def _line(name: str, tokens: int, number: int, usd: str, amount: str) -> dict[str, Any]:
    return {
        "name": name,
        "tokens": tokens,
        "usd_per_million_tokens": usd,
        "amount": amount,
        "why": f"price {number} for everybody from 2026-01-01T00:00:00Z",
        "price": _price(number, usd),
        "overrode": [],
        "corrected_to": None,
    }


_LIMIT: dict[str, Any] = {
    "object": "limit",
    "id": "lim_Wd5Xk8BqTn2ZcR7vMj4P",
    "applies_to": "key",
    "project_id": None,
    "key_id": _KEY,
    "measure": "usd",
    "amount": "50.00",
    "window": "month",
    "is_hard": True,
    "thresholds": [50, 80, 100],
    "version": 1,
    "created_at": "2026-11-01T09:30:00Z",
    "status": {
        "used": "40.125",
        "held": "0.0031",
        "left": "9.8719",
        "starts_at": "2026-10-31T16:00:00Z",
        "resets_at": "2026-11-30T16:00:00Z",
    },
}
_ALERT = {
    "object": "alert",
    "id": "alert_31",
    "limit_id": _LIMIT["id"],
    "applies_to": "key",
    "project_id": None,
    "key_id": _KEY,
    "measure": "usd",
    "window": "month",
    "threshold_percent": 80,
    "reason": "threshold",
    "amount": "50.00",
    "used": "40.000217",
    "held": "0.00",
    "resets_at": "2026-11-30T16:00:00Z",
    "created_at": "2026-11-23T14:05:12.301000Z",
}
_WEBHOOK: dict[str, Any] = {
    "object": "webhook",
    "id": "we_Hn6Yb3KxQm9TzV4wRc1D",
    "url": "https://example.com/hooks",
    "description": "operations",
    "types": ["limit.reached"],
    "enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_secret_ends_at": None,
    "created_at": "2026-11-01T09:30:00Z",
}
_SECRET = {"secret": "whsec_YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMuLi4="}
_DELIVERY: dict[str, Any] = {
    "object": "delivery",
    "id": "dlv_Mt2Rw8ZpVb5XkC7nQd3F",
    "webhook_id": _WEBHOOK["id"],
    "message_id": "msg_2KWPBgLlAfxdpx2AI54p",
    "type": "limit.reached",
    "state": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "last_status": 204,
    "last_error": None,
    "created_at": "2026-11-23T14:05:12.301000Z",
    "ended_at": "2026-11-23T14:05:13.120000Z",
}
_GRANT = {
    "object": "grant",
    "id": "grant_17",
    "kind": "code",
    "state": "live",
    "place": 2,
    "amount": "25.00",
    "used": "3.5",
    "held": "0.0031",
    "left": "21.4969",
    "currency": "USD",
    "is_paid": False,
    "note": "Code 4T8K-…",
    "starts_at": "2026-11-01T09:30:00Z",
    "expires_at": None,
    "created_at": "2026-11-01T09:30:00Z",
}
_PLAN = {
    "object": "plan",
    "code": "pro",
    "name": "Pro",
    "description": "For applications in production",
    "requests_per_minute": 100,
    "monthly_credit": "20.00",
    "currency": "USD",
    "by_agreement": False,
}
_MODEL = {
    "object": "model",
    "id": "deepseek-chat",
    "description": "A general model for chat and tools.",
    "owned_by": "deepseek",
    "context_length": 131072,
    "max_output": 8192,
    "features": ["tools", "json"],
    "ignored_parameters": [],
    "retired_at": "2027-02-01T00:00:00Z",
    "successor": "deepseek-coder",
    "currency": "USD",
    "usd_per_million_tokens": {"input": "0.27", "cached_input": "0.07", "output": "1.10"},
    "created_at": "2026-01-01T00:00:00Z",
}

ANSWERS: dict[str, Any] = {
    "providers_list": {
        "object": "list",
        "data": [
            {
                "object": "provider",
                "id": "provider_3",
                "name": None,
                "models": ["deepseek-chat", "deepseek-coder"],
                "state": "down",
                "down_since": "2026-11-24T12:00:03Z",
                "answered_at": "2026-11-24T11:59:58Z",
                "failed_at": "2026-11-24T12:04:10Z",
                "failed_in_a_row": 17,
                "failure": None,
            }
        ],
        "has_more": False,
        "next_cursor": None,
    },
    "usage": {
        "object": "usage",
        "time_zone": "Asia/Shanghai",
        "interval": "day",
        "by": "model",
        "currency": "USD",
        "data": [{"start": "2026-11-21T16:00:00Z", "end": "2026-11-22T16:00:00Z", "results": [_GROUP]}],
        "totals": _SUMS,
        "groups": [_GROUP],
    },
    "costs": {
        "object": "costs",
        "time_zone": "Asia/Shanghai",
        "interval": "day",
        "by": "model",
        "currency": "USD",
        "data": [
            {
                "start": "2026-11-21T16:00:00Z",
                "end": "2026-11-22T16:00:00Z",
                "amount": "0.00038464",
                "results": [_COST],
            }
        ],
        "total": "0.00038464",
        "groups": [_COST],
    },
    "requests_list": {"object": "list", "data": [_REQUEST], "has_more": True, "next_cursor": "evt_382741900165120"},
    "requests_get": _REQUEST,
    "requests_price": {
        "object": "price_explanation",
        "request_id": _REQUEST["id"],
        "model": "deepseek-chat",
        "at": _REQUEST["at"],
        "currency": "USD",
        "lines": [
            _line("input", 265, 1, "0.27", "0.00007155"),
            _line("cached_input", 256, 2, "0.07", "0.00001792"),
            _line("output", 94, 3, "1.10", "0.0001034"),
        ],
        "charge": "0.00019287",
        "given_back": [],
    },
    "limits_list": {"object": "list", "data": [_LIMIT], **_LAST},
    "limits_create": _LIMIT,
    "limits_get": _LIMIT,
    "limits_change": {**_LIMIT, "amount": "75.00", "version": 2},
    "limits_remove": {"object": "limit", "id": _LIMIT["id"], "deleted": True},
    "alerts_list": {"object": "list", "data": [_ALERT], **_LAST},
    "webhooks_list": {"object": "list", "data": [_WEBHOOK], **_LAST},
    "webhooks_create": {**_WEBHOOK, **_SECRET},
    "webhooks_get": _WEBHOOK,
    "webhooks_change": {**_WEBHOOK, "types": []},
    "webhooks_remove": {"object": "webhook", "id": _WEBHOOK["id"], "deleted": True},
    "webhooks_rotate": {**_WEBHOOK, "previous_secret_ends_at": "2026-11-24T14:05:12Z", **_SECRET},
    "webhooks_test": {**_DELIVERY, "type": "webhook.test"},
    "deliveries_list": {"object": "list", "data": [_DELIVERY], **_LAST},
    "deliveries_get": {
        **_DELIVERY,
        "message": {
            "id": _DELIVERY["message_id"],
            "type": "limit.reached",
            "created_at": "2026-11-23T14:05:12.301000Z",
            "organization_id": "org_Bq4Tz8WnRk2YvH6sLc1J",
            "data": {"object": "alert", "limit_id": _LIMIT["id"], "threshold_percent": 100},
        },
        "log": [
            {
                "number": 1,
                "at": "2026-11-23T14:05:13.120000Z",
                "succeeded": True,
                "status": 204,
                "error": None,
                "response": "",
                "duration_ms": 84,
            }
        ],
    },
    "deliveries_replay": {
        **_DELIVERY,
        "state": "pending",
        "next_attempt_at": "2026-11-23T15:00:00Z",
        "ended_at": None,
    },
    "balance": {
        "object": "balance",
        "currency": "USD",
        "posted": "41.50",
        "held": "0.0031",
        "available": "41.4969",
        "paid": "0.00",
        "granted": "41.50",
        "owed": "0.00",
    },
    "grants_list": {"object": "list", "data": [_GRANT], **_LAST},
    "codes_redeem": {**_GRANT, "used": "0.00", "held": "0.00", "left": "25.00"},
    "plans_list": {"object": "list", "data": [_PLAN]},
    "plans_current": {
        "object": "subscription",
        "plan": _PLAN,
        "requests_per_minute": 100,
        "started_at": "2026-11-01T09:30:00Z",
    },
    "ledger": {
        "object": "statement",
        "time_zone": "Asia/Shanghai",
        "first_day": "2026-11-01",
        "last_day": "2026-11-23",
        "currency": "USD",
        "opening": "0.00",
        "closing": "19.99961536",
        "data": [
            {
                "type": "usage",
                "at": "2026-11-22T16:00:00Z",
                "day": "2026-11-22",
                "amount": "-0.00038464",
                "balance_after": "19.99961536",
                "requests": 2,
                "grant_id": None,
                "note": None,
            },
            {
                "type": "grant",
                "at": "2026-10-31T16:00:00Z",
                "day": "2026-11-01",
                "amount": "20.00",
                "balance_after": "20.00",
                "requests": None,
                "grant_id": "grant_12",
                "note": "Pro plan, November 2026",
            },
        ],
    },
    "ledger_entries": {
        "object": "list",
        "data": [
            {
                "object": "ledger_entry",
                "id": "entry_90121",
                "type": "usage",
                "at": _REQUEST["at"],
                "transaction": "event:382741900165120",
                "amount": "-0.00019287",
                "currency": "USD",
                "grant_id": "grant_12",
                "request_id": _REQUEST["id"],
            }
        ],
        "has_more": True,
        "next_cursor": "entry_90121",
    },
    "refusals_list": {
        "object": "list",
        "data": [
            {
                "object": "refusal",
                "request_id": "req_0f1e2d3c4b5a69788796a5b4",
                "at": "2026-11-23T14:07:40Z",
                "project_id": _PROJECT,
                "key_id": _KEY,
                "model": "deepseek-chat",
                "code": "rate_limit_exceeded",
                "message": "Rate limit reached: 60 requests in 60 seconds.",
            }
        ],
        **_LAST,
    },
    "refusals_counts": {
        "object": "refusal_counts",
        "since": "2026-11-22T14:07:40Z",
        "data": [{"code": "rate_limit_exceeded", "count": 12, "last_at": "2026-11-23T14:07:00Z"}],
    },
    "models_list": {"object": "list", "data": [_MODEL]},
    "models_get": _MODEL,
    "prices_list": {
        "object": "list",
        "data": [
            {
                "object": "price",
                "id": "price_3",
                "model": "deepseek-chat",
                "token_class": "output",
                "applies_to": "everybody",
                "usd_per_million_tokens": "1.10",
                "currency": "USD",
                "effective_from": "2026-01-01T00:00:00Z",
                "in_force": True,
            }
        ],
    },
    "status": {
        "object": "status",
        "at": "2026-11-23T14:07:40Z",
        "state": "working",
        "components": [{"name": "Gateway", "state": "working", "message": "It takes requests.", "at": None}],
        "models": [
            {
                "name": "deepseek-chat",
                "state": "working",
                "message": "Last answer:",
                "at": "2026-11-23T14:05:12.301000Z",
                "first_token_ms": 310,
            }
        ],
    },
}

BODIES: dict[str, Any] = {
    "limits_create": {"key_id": _KEY, "measure": "usd", "amount": "50.00", "window": "month", "is_hard": True},
    "limits_change": {"amount": "75.00"},
    "webhooks_create": {"url": "https://example.com/hooks", "types": ["limit.reached"], "description": "operations"},
    "webhooks_change": {"types": []},
    "webhooks_rotate": {"overlap": "24h"},
    "codes_redeem": {"code": "4T8K-9MPQ-ZX3R-7HVD-2CJ5"},
}

# What is no JSON document, by operation and media type.
FILES: dict[str, dict[str, str]] = {
    "exports_usage": {
        "application/jsonl": '{"period_start":"2026-11-22T16:00:00Z","requests":2,"cost":"0.00038464"}\n',
        "text/csv": "period_start,requests,cost\r\n2026-11-22T16:00:00Z,2,0.00038464\r\n",
    },
    "exports_requests": {
        "application/jsonl": '{"at":"2026-11-23T14:05:12Z","model":"deepseek-chat","cost":"0.00019287"}\n',
        "text/csv": "at,model,cost\r\n2026-11-23T14:05:12Z,deepseek-chat,0.00019287\r\n",
    },
    "exports_ledger": {
        "application/jsonl": '{"at":"2026-11-23T14:05:12Z","entry_id":"90121","type":"usage","amount":"-0.00019287"}\n',
        "text/csv": "at,entry_id,type,amount\r\n2026-11-23T14:05:12Z,90121,usage,-0.00019287\r\n",
    },
}
