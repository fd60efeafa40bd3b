"""Recover holds whose process died: settle what they had produced, release what had produced nothing."""

import logging
import time

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.principal import ACTIVE, Principal
from billing import batch, settlement
from billing.models import Hold
from billing.moment import LEASE
from billing.terms import Admission, Leg, Outcome, Receipt, WindowLeg
from foundation.ids import FactIds
from foundation.money import UnitPrices
from usage.counts import TokenCounts

log = logging.getLogger(__name__)
_MOST = 200
# Seconds in which a process that lives renews its leases.
_PATIENCE = 3.0
# No ids are made here: recovery inserts only rows that take the hold's id.
_IDS = FactIds(0)


def watch_stale_holds() -> int:
    """As `sweep_stale_holds`, for the clock: what is stale is looked at twice, so that the processes that live have
    time to renew after the database was away.
    """
    stale = list(_stale().values_list("pk", flat=True)[:_MOST])
    if not stale:
        return 0
    time.sleep(_PATIENCE)
    return sweep_stale_holds()


def sweep_stale_holds() -> int:
    """End every active hold whose lease ran out; the number that this call won. Any process may run it."""
    won = 0
    while True:
        try:
            receipts = _sweep_some()
        except batch.Conflict:
            # A settle won meanwhile; the next round by the clock sees what is left.
            return won
        if not receipts:
            return won
        recovered = sum(1 for receipt in receipts if receipt.event_id is not None)
        won += len(receipts)
        log.warning("recovered %d holds past their lease, %d of them with usage", len(receipts), recovered)


def _sweep_some() -> list[Receipt]:
    with transaction.atomic():
        # What a settle or another sweeper has in hand is passed over: who waits for no hold cannot deadlock.
        stale = _stale().select_for_update(skip_locked=True)[:_MOST]
        outcomes = [_outcome(hold) for hold in stale]
        return batch.run([], outcomes, _IDS, state=settlement.RECOVERED)[1] if outcomes else []


def _stale() -> QuerySet[Hold]:
    return Hold.objects.filter(state="active", lease_until__lt=timezone.now()).order_by("lease_until")


def _outcome(hold: Hold) -> Outcome:
    """What is known of a request whose process is gone."""
    prices = UnitPrices(hold.input_price, hold.cached_input_price, hold.output_price)
    ids = [int(text) for text in hold.price_ids.split(",")]
    admission = Admission(
        hold_id=hold.pk,
        principal=_principal(hold),
        request_id=hold.request_id,
        model=hold.model,
        targets=(),
        input_bound=hold.input_bound,
        output_cap=hold.output_cap,
        output_lowered=False,
        prices=prices,
        price_ids=(ids[0], ids[1], ids[2]),
        amount=hold.amount,
        legs=tuple(Leg(grant_id, amount) for grant_id, amount in orjson.loads(hold.legs)),
        admitted_at=hold.admitted_at.timestamp(),
        stream=hold.stream,
        user_id=hold.user_id,
        window_legs=tuple(WindowLeg(*leg) for leg in orjson.loads(hold.window_legs)),
    )
    counts = None
    if hold.progress_output is not None:
        counts = TokenCounts(
            hold.progress_input or 0, hold.progress_cached_input or 0, hold.progress_output, hold.progress_reasoning
        )
    ended = max(hold.lease_until - LEASE, hold.admitted_at)
    return Outcome(
        admission=admission,
        counts=counts,
        usage_source="partial",
        finish_reason="recovered",
        provider_id=None,
        first_token_at=None,
        finished_at=ended.timestamp(),
        status=500,
        error_code="recovered",
    )


def _principal(hold: Hold) -> Principal:
    return Principal(
        key_id=hold.api_key_id,
        key_name="",
        organization_id=hold.organization_id,
        organization_name="",
        project_id=hold.project_id,
        user_id=hold.user_id,
        state=ACTIVE,
        suspended=False,
        scopes=frozenset(),
        models=None,
        networks=(),
        organization_rpm=0,
        key_rpm=None,
        secret_id=hold.secret_id,
    )
