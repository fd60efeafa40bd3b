"""Examples of ingestion in the OpenAPI description, by operation."""

from typing import Any

_NAMED = {"source": "/my/proxy"}
_FINE = {"code": None, "message": None, "param": None}

ANSWERS: dict[str, Any] = {
    "events_report": {
        "object": "ingestion",
        "accepted": 1,
        "duplicate": 1,
        "conflict": 0,
        "rejected": 1,
        "results": [
            {**_NAMED, "id": "7f0c1a52", "status": "accepted", **_FINE},
            {**_NAMED, "id": "7f0c1a51", "status": "duplicate", **_FINE},
            {
                **_NAMED,
                "id": "7f0c1a50",
                "status": "rejected",
                "code": "model_not_found",
                "message": "There is no model gpt-0 in the catalog.",
                "param": "data.model",
            },
        ],
    },
}

BODIES: dict[str, Any] = {
    "events_report": {
        "specversion": "1.0",
        "id": "7f0c1a52",
        "source": "/my/proxy",
        "type": "meterhouse.usage",
        "time": "2026-11-23T14:05:12Z",
        "data": {"model": "deepseek-chat", "input_tokens": 521, "cached_input_tokens": 256, "output_tokens": 94},
    },
}
