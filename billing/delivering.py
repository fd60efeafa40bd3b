"""Send what is due, by e-mail and by webhook, and keep a log of every attempt.

At least once: who is killed between sending and recording loses the lease, and the delivery is sent again with the
same webhook-id. No order is promised: a message that has to be tried again arrives after later ones.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import disabling, mails, recipients, webhook_request
from billing.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryKind,
    DeliveryState,
    DisabledReason,
    WebhookEndpoint,
)
from billing.models.delivery import EXCERPT, LONGEST_ERROR, DeliveryQuerySet
from billing.webhook_request import WebhookRequest
from foundation import egress
from foundation.sealing import SealBroken

log = logging.getLogger(__name__)

TEST = "webhook.test"
# Seconds before each retry, 71.6 hours together.
RETRIES = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000)
# A retry comes up to a tenth earlier, so that what failed together does not return together.
_JITTER = 0.1
# An endpoint that had no success for so long is switched off by its next failure.
FAILING_FOR = timedelta(days=5)
# Seconds that one attempt may take, and the far longer time after which it counts as lost.
TIMEOUT = 10.0
LEASE = timedelta(minutes=2)
# At once in a process, and of these to one endpoint or by e-mail: a slow receiver must not keep others waiting.
_AT_ONCE = 12
_AT_ONCE_AN_ENDPOINT = 2
_AT_ONCE_BY_EMAIL = 6
# Seconds after which a call begins no more attempts.
_BUDGET = 20.0

_GONE = 410
_INTERRUPTED = "The process ended before the result was recorded; the receiver may have got the message."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt."""

    succeeded: bool
    status: int | None = None
    error: str = ""
    response: str = ""
    duration_ms: int | None = None


Send = Callable[[], Outcome]


class _Unwanted(Exception):
    """The recipient is not to get the message any more."""


def deliver_due() -> int:
    """Send what is due now, several at once; the number of attempts. Any process may run it."""
    ends = time.monotonic() + _BUDGET
    made = 0
    running: dict[Future[Outcome], Delivery] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="delivery") as pool:
        while True:
            while time.monotonic() < ends and (claimed := _claim(list(running.values()))):
                for delivery in claimed:
                    if send := _prepared(delivery):
                        running[pool.submit(_tried, send)] = delivery
            if not running:
                return made
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _record(running.pop(future), future.result())
                made += 1


def deliver_claimed(delivery: Delivery) -> None:
    """Send a delivery that the caller has written with its claim on it."""
    if send := _prepared(delivery):
        _record(delivery, _tried(send))


# ---------------------------------------------------------------- claim


def _claim(running: list[Delivery]) -> list[Delivery]:
    """Deliveries that this call won: due, and within what may be sent at once beside those that run."""
    now = timezone.now()
    lanes = Counter(_lane(delivery) for delivery in running)
    full = [lane for lane, number in lanes.items() if number >= _room(lane)]
    due = Delivery.objects.due(now).select_related("message__organization", "endpoint")
    due = due.exclude(endpoint_id__in=[lane for lane in full if lane is not None])
    if None in full:
        due = due.exclude(kind=DeliveryKind.EMAIL)
    free = _AT_ONCE - len(running)
    chosen: list[Delivery] = []
    for delivery in due.order_by("next_attempt_at", "pk")[: free * 4]:
        lane = _lane(delivery)
        if len(chosen) < free and lanes[lane] < _room(lane):
            lanes[lane] += 1
            chosen.append(delivery)
    return [delivery for delivery in chosen if _take(delivery, now)]


def _lane(delivery: Delivery) -> int | None:
    """The endpoint; all e-mail goes through one server."""
    return delivery.endpoint_id


def _room(lane: int | None) -> int:
    return _AT_ONCE_BY_EMAIL if lane is None else _AT_ONCE_AN_ENDPOINT


@transaction.atomic
def _take(delivery: Delivery, now: datetime) -> bool:
    lease = now + LEASE
    mine = Delivery.objects.due(now).filter(pk=delivery.pk, attempts=delivery.attempts)
    if mine.update(attempts=F("attempts") + 1, claimed_until=lease) != 1:
        return False
    was_lost = delivery.claimed_until is not None
    delivery.attempts += 1
    delivery.claimed_until = lease
    if was_lost:
        _log(delivery, delivery.attempts - 1, now, Outcome(False, error=_INTERRUPTED))
        if delivery.attempts - delivery.attempts_before > len(RETRIES) + 2:
            # Sending it seems to be what ends the processes.
            _end(delivery, DeliveryState.FAILED, _INTERRUPTED, now)
            return False
    return True


# ---------------------------------------------------------------- send: no database from here


def _prepared(delivery: Delivery) -> Send | None:
    """What sends the delivery without a database; None when it ended here."""
    try:
        return _by_webhook(delivery, delivery.endpoint) if delivery.endpoint else _by_email(delivery)
    except _Unwanted as reason:
        with transaction.atomic():
            _end(delivery, DeliveryState.CANCELLED, str(reason), timezone.now())
    except SealBroken as error:
        _record(delivery, Outcome(False, error=str(error)))
    except Exception:
        log.exception("delivery %s could not be prepared", delivery.public_id)
        _record(delivery, Outcome(False, error="The message could not be written."))
    return None


def _by_webhook(delivery: Delivery, endpoint: WebhookEndpoint) -> Send:
    # It may have been changed or switched off since it was read with the claim.
    endpoint.refresh_from_db()
    if not endpoint.is_enabled:
        raise _Unwanted("The endpoint is switched off.")
    request = webhook_request.build(delivery.message, endpoint, timezone.now())
    return lambda: _post(request)


def _by_email(delivery: Delivery) -> Send:
    told = recipients.by_email(delivery.message)
    recipient = next((one for one in told if one.address == delivery.address), None)
    if recipient is None:
        raise _Unwanted("This address is not told any more: its owner left, muted it, or changed role or address.")
    mail = mails.compose(delivery.message, recipient, delivery.public_id)
    return lambda: _mail(mail)


def _mail(mail: EmailMessage) -> Outcome:
    mail.send()
    return Outcome(True)


def _post(request: WebhookRequest) -> Outcome:
    answer = egress.post(
        request.url,
        request.body,
        request.headers,
        seconds=TIMEOUT,
        allow_private=settings.WEBHOOKS_ALLOW_PRIVATE,
    )
    succeeded = 200 <= answer.status < 300
    error = "" if succeeded else f"The receiver answered {answer.status}."
    return Outcome(succeeded, answer.status, error, _readable(answer.body))


def _readable(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")[:EXCERPT]


def _tried(send: Send) -> Outcome:
    """The outcome with its duration; never raises."""
    started = time.perf_counter()
    try:
        outcome = send()
    except (egress.Forbidden, egress.Unreachable) as error:
        outcome = Outcome(False, error=str(error))
    except (SMTPException, OSError) as error:
        outcome = Outcome(False, error=f"The mail server did not take it: {type(error).__name__}: {error}")
    except Exception as error:
        log.exception("an attempt of a delivery failed")
        outcome = Outcome(False, error=f"Internal error: {type(error).__name__}")
    took = int((time.perf_counter() - started) * 1000)
    return Outcome(outcome.succeeded, outcome.status, outcome.error[:LONGEST_ERROR], outcome.response, took)


# ---------------------------------------------------------------- record


def _record(delivery: Delivery, outcome: Outcome) -> None:
    """Write down the outcome, if the claim still stands: else somebody else has the delivery now."""
    now = timezone.now()
    with transaction.atomic():
        # First the endpoint, then its deliveries, as who switches it off does: so that the two cannot deadlock.
        endpoints = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True)
        endpoint = endpoints.get(pk=delivery.endpoint_id) if delivery.endpoint_id else None
        held = _held(delivery)
        known = {
            "last_status": outcome.status,
            "last_error": outcome.error,
            "response_excerpt": outcome.response,
            "duration_ms": outcome.duration_ms,
        }
        if held.update(claimed_until=None, **known) != 1:
            log.warning("attempt %d of delivery %s came after its lease", delivery.attempts, delivery.public_id)
            return
        _log(delivery, delivery.attempts, now, outcome)
        _move_on(delivery, outcome, now)
        if endpoint:
            _judge(endpoint, delivery.message.type, outcome, now)


def _log(delivery: Delivery, number: int, at: datetime, outcome: Outcome) -> None:
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=number,
        at=at,
        succeeded=outcome.succeeded,
        status=outcome.status,
        error=outcome.error,
        response_excerpt=outcome.response,
        duration_ms=outcome.duration_ms,
    )


def _move_on(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    mine = Delivery.objects.filter(pk=delivery.pk)
    if outcome.succeeded:
        mine.update(state=DeliveryState.DELIVERED, ended_at=now)
        return
    tries = delivery.attempts - delivery.attempts_before
    pending = mine.filter(state=DeliveryState.PENDING)
    if outcome.status == _GONE or tries > len(RETRIES) or delivery.message.type == TEST:
        pending.update(state=DeliveryState.FAILED, ended_at=now)
    else:
        pending.update(next_attempt_at=now + _pause(tries))


def _pause(tries: int) -> timedelta:
    """How long after that many tries."""
    return timedelta(seconds=RETRIES[tries - 1] * random.uniform(1 - _JITTER, 1))  # noqa: S311


def _end(delivery: Delivery, state: DeliveryState, why: str, now: datetime) -> None:
    _held(delivery).update(state=state, claimed_until=None, last_error=why, ended_at=now)


def _held(delivery: Delivery) -> DeliveryQuerySet:
    """The delivery, as long as the claim stands with which it was read."""
    return Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, claimed_until=delivery.claimed_until)


def _judge(endpoint: WebhookEndpoint, type_: str, outcome: Outcome, now: datetime) -> None:
    """Remember since when the (locked) endpoint fails; switch off what is gone or has failed too long."""
    if outcome.succeeded or (endpoint.failing_since is None and type_ != TEST):
        since = None if outcome.succeeded else now
        if since != endpoint.failing_since:
            endpoint.failing_since = since
            endpoint.save(update_fields=["failing_since"])
    if outcome.status == _GONE:
        disabling.disable(endpoint, DisabledReason.GONE, now)
    elif endpoint.failing_since and endpoint.failing_since <= now - FAILING_FOR:
        disabling.disable(endpoint, DisabledReason.FAILING, now)
