"""Asks and outcomes for the money core, without a gateway."""

import itertools
import time

from accounts.keys import hash_of
from accounts.models import ApiKey
from billing import batch, opening
from billing.models import Subscription
from billing.terms import Admission, Ask, Outcome, Receipt, Refusal
from foundation.ids import FactIds
from usage.counts import TokenCounts

IDS = FactIds(1)
_numbers = itertools.count()


def ask(api_key: ApiKey, secret: str, **over: object) -> Ask:
    """A small request: 10 tokens in, at most 50 out: holds and costs 57,700 nano-USD of deepseek-chat."""
    subscription = Subscription.objects.select_related("plan").get(organization=api_key.organization)
    fields: dict[str, object] = {
        "key_id": api_key.pk,
        "secret_hash": bytes.fromhex(hash_of(secret)),
        "organization_rpm": subscription.requests_per_minute or subscription.plan.requests_per_minute,
        "key_rpm": api_key.requests_per_minute,
        "model": "deepseek-chat",
        "address": "127.0.0.1",
        "input_tokens": 10,
        "input_bound": 30,
        "max_tokens": 50,
        "stream": False,
        "request_id": f"req_{next(_numbers)}",
    }
    return Ask(**{**fields, **over})  # type: ignore[arg-type]


def admit(*asks: Ask) -> list[Admission | Refusal]:
    """Answers of one batch."""
    return batch.run(list(asks), [], IDS)[0]


def admitted(one: Ask) -> Admission:
    """The admission of a request that must be admitted."""
    answer = admit(one)[0]
    assert isinstance(answer, Admission), answer
    return answer


def refused(one: Ask) -> Refusal:
    """The refusal of a request that must be refused."""
    answer = admit(one)[0]
    assert isinstance(answer, Refusal), answer
    return answer


FIFTY = TokenCounts(10, 0, 50)


def outcome(admission: Admission, counts: TokenCounts | None = FIFTY, **over: object) -> Outcome:
    """A complete answer of 50 tokens, unless said otherwise."""
    fields: dict[str, object] = {
        "admission": admission,
        "counts": counts,
        "usage_source": "upstream",
        "finish_reason": "stop",
        "provider_id": None,
        "first_token_at": None,
        "finished_at": time.time(),
    }
    return Outcome(**{**fields, **over})  # type: ignore[arg-type]


def settle(*outcomes: Outcome) -> list[Receipt]:
    """Receipts of one batch."""
    return batch.run([], list(outcomes), IDS)[1]


def serve_all_models() -> None:
    """Route every model somewhere, so that admission finds a target."""
    opening.route_demo("http://127.0.0.1:9/v1")
