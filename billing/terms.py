"""The values that cross between the gateway and the money core; plain data, no Django.

Nobody changes one after it is made; those that every request makes are not frozen, because that costs four times as
much.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.principal import Principal
from foundation.money import UnitPrices
from usage.counts import TokenCounts


class BridgeUnavailable(RuntimeError):
    """The database cannot be reached; the request gets a 503 and is never answered for free."""


@dataclass(slots=True)
class Ask:
    """What one request asks of admission."""

    key_id: int
    # 32 bytes; None when the request is entered with a session (the playground).
    secret_hash: bytes | None
    # The limits that the caller's rate check used; when they are no longer true the refusal is `stale`.
    organization_rpm: int
    key_rpm: int | None
    model: str
    address: str
    # Tokens by the DeepSeek vocabulary, with template and tools.
    input_tokens: int
    # UTF-8 bytes + 16 a message: an upper bound for any byte-level vocabulary.
    input_bound: int
    max_tokens: int | None
    stream: bool
    request_id: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class UpstreamTarget:
    """One provider that serves the model; several are tried in order."""

    provider_id: int
    provider_name: str
    # With /v1, without a trailing slash.
    base_url: str
    secret: str
    # The provider's own name of the model.
    model: str


@dataclass(slots=True)
class Leg:
    """The part of a hold that stands on one credit grant, nano-USD."""

    grant_id: int
    amount: int


@dataclass(slots=True)
class WindowLeg:
    """The part of a hold that stands on one spending window, in the window's measure: usd (nano), tokens, requests."""

    window_id: int
    measure: str
    amount: int


@dataclass(slots=True)
class Admission:
    """An admitted request: what is held, at which prices, and who may be asked. Settle takes it back."""

    hold_id: int
    principal: Principal
    request_id: str
    model: str
    targets: tuple[UpstreamTarget, ...]
    # Tokens that the hold covers.
    input_bound: int
    output_cap: int
    # The cap is below the model's maximum because credit is short and the client named none.
    output_lowered: bool
    prices: UnitPrices
    price_ids: tuple[int, int, int]
    # Nano-USD held.
    amount: int
    legs: tuple[Leg, ...]
    # Unix seconds.
    admitted_at: float
    stream: bool
    user_id: int | None = None
    window_legs: tuple[WindowLeg, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not admitted; it consumed nothing.

    kind: invalid_key, disabled, revoked, expired, insufficient_permissions, ip_not_allowed, organization_suspended,
    stale, model_not_found, model_not_allowed, context_length_exceeded, insufficient_quota, no_route.
    """

    kind: str
    message: str
    principal: Principal | None = None
    # scope, name, used, limit (decimal strings), resets_at (ISO 8601 or None).
    limit: dict[str, Any] | None = None
    # The model's context, tokens.
    context: int | None = None
    # The window whose limit refused, when one did.
    window_id: int | None = None


@dataclass(slots=True)
class Outcome:
    """How an admitted request ended."""

    admission: Admission
    # None: nothing was produced; the hold is released and nothing is charged.
    counts: TokenCounts | None
    # upstream, counted or partial.
    usage_source: str
    # stop, length, tool_calls, content_filter, client_closed, upstream_error, interrupted or recovered.
    finish_reason: str
    provider_id: int | None
    # Unix seconds.
    first_token_at: float | None
    finished_at: float
    status: int = 200
    error_code: str = ""


@dataclass(slots=True)
class Receipt:
    """What settling did; `charge` in nano-USD. `event_id` is None when the hold was released or already recovered."""

    event_id: int | None
    charge: int
    counts: TokenCounts | None


@dataclass(frozen=True, slots=True)
class RefusalNote:
    """One refused request of a known key; `code` is the error code of its answer."""

    principal: Principal
    request_id: str
    model: str
    code: str
    message: str
    at: datetime


@dataclass(slots=True)
class ProviderTries:
    """What one process saw of a provider: its last answer, and failures since then."""

    provider_id: int
    answered_at: datetime | None = None
    failed: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""
