"""Examples of scheduled exports in the OpenAPI description, by operation."""

from typing import Any

_FILE: dict[str, Any] = {
    "object": "export_file",
    "id": "file_311",
    "day": "2026-11-22",
    "content": "usage",
    "state": "done",
    "version": 1,
    "name": "org_Bq4Tz8WnRk2YvH6sLc1J/usage/2026-11-22.csv",
    "time_zone": "Asia/Shanghai",
    "rows": 14,
    "bytes": 2210,
    "sha256": "5b0c1d2e3f405162738495a6b7c8d9eaf0112233445566778899aabbccddeeff",
    "sums": {
        "requests": 512,
        "input_tokens": 120011,
        "cached_input_tokens": 20110,
        "output_tokens": 30200,
        "total_tokens": 150211,
        "cost": "0.063129",
    },
    "attempts": 0,
    "next_attempt_at": None,
    "last_error": None,
    "finished_at": "2026-11-22T18:00:31.000000Z",
}
_EXPORT: dict[str, Any] = {
    "object": "scheduled_export",
    "id": "exp_Hj6Rk2YvH6sLc1JBq4Tz",
    "place": "s3",
    "format": "csv",
    "contents": ["usage", "ledger"],
    "endpoint": "https://s3.eu-central-1.amazonaws.com",
    "region": "eu-central-1",
    "bucket": "example-books",
    "prefix": "meterhouse/",
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "enabled": True,
    "next_day": "2026-11-23",
    "last_file": _FILE,
    "failing_file": None,
    "created_at": "2026-11-01T09:30:00Z",
}
_LAST = {"has_more": False, "next_cursor": None}

ANSWERS: dict[str, Any] = {
    "scheduled_exports_list": {"object": "list", "data": [_EXPORT], **_LAST},
    "scheduled_exports_create": {**_EXPORT, "last_file": None},
    "scheduled_exports_get": _EXPORT,
    "scheduled_exports_change": _EXPORT,
    "scheduled_exports_remove": {"object": "scheduled_export", "id": _EXPORT["id"], "deleted": True},
    "scheduled_exports_run": {
        "object": "export_run",
        "data": [{**_FILE, "state": "pending", "next_attempt_at": "2026-11-23T09:30:00Z"}],
    },
    "export_files_list": {"object": "list", "data": [_FILE], **_LAST},
}

BODIES: dict[str, Any] = {
    "scheduled_exports_create": {
        "bucket": "example-books",
        "region": "eu-central-1",
        "prefix": "meterhouse/",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0",
        "contents": ["usage", "ledger"],
    },
    "scheduled_exports_change": {"enabled": False},
    "scheduled_exports_run": {"day": "2026-11-22"},
}
