"""What the next request of the playground would take, before it is sent: as admission counts and holds it."""

from typing import Any

from accounts.models import Organization
from billing import rating
from dashboard import playground_models
from foundation.money import usd_string
from gateway import chat_request, tokens
from gateway.errors import ApiError


def estimate(organization: Organization, body: bytes) -> dict[str, Any]:
    """Input tokens, and the most that the request can cost in USD; empty for what would be refused anyway."""
    try:
        request = chat_request.parse(body)
        counted = tokens.count_prompt(request.messages, request.tools)
        bound = tokens.upper_bound(request.messages, request.tools)
    except (ApiError, RecursionError):
        return {}
    found = playground_models.choices(organization, request.model)
    if not found:
        return {}
    [model] = found
    room = model.context_length - counted
    if room < (request.max_tokens or 1):
        return {"tokens": counted, "context": model.context_length}
    cap = min(request.max_tokens or model.max_output, model.max_output, room)
    most = rating.hold(counted if model.has_vocabulary else bound, cap, model.prices)
    return {"tokens": counted, "most_usd": usd_string(most)}
