"""Signed messages to endpoints: format, retries, rotation, replay, and one delivery whoever tries."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.roles import Permission, Role, allows
from billing import delivering, dispatching, webhooks
from billing.models import Delivery, DeliveryAttempt, OutboxMessage, WebhookEndpoint
from foundation import webhook_signature
from tests.billing.news import later, say, tell, verify
from tests.billing.receiver import listening, status
from tests.people import house

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver():
    with listening() as receiver:
        yield receiver


@pytest.fixture
def alice(db, settings):
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    return house()


@pytest.fixture
def issued(alice, receiver):
    return webhooks.create_endpoint(alice.organization, receiver.url, alice.actor, description="Ops")


def the_delivery():
    return Delivery.objects.get()


# ---------------------------------------------------------------- format


def test_the_signature_is_that_of_the_specification():
    """The example of the specification and of its reference libraries."""
    signature = webhook_signature.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_arrives_signed(alice, issued, receiver):
    message = say(alice.organization, scope_name="production-wéb")
    assert tell() == 1
    (got,) = receiver.got
    assert got.path == "/hooks" and got.headers["content-type"] == "application/json"
    assert got.signed_by(issued.secret) and not got.signed_by(webhook_signature.new_secret())
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 10
    assert got.id == message.public_id
    assert got.json == {
        "id": message.public_id,
        "type": "limit.threshold_reached",
        "created_at": message.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "organization_id": alice.organization.public_id,
        "data": message.payload,
    }
    delivery = the_delivery()
    assert (delivery.state, delivery.last_status, delivery.attempts, delivery.claimed_until) == (
        "delivered",
        200,
        1,
        None,
    )
    assert delivery.duration_ms is not None and delivery.ended_at


def test_the_secret_is_shown_once_and_stored_sealed(issued):
    assert issued.secret.startswith("whsec_") and len(issued.secret) == 50
    row = WebhookEndpoint.objects.values().get()
    assert issued.secret not in json.dumps(row, default=str)
    assert issued.secret not in json.dumps(list(AuditEntry.objects.values()), default=str)


def test_an_endpoint_gets_the_types_it_asked_for(alice, receiver):
    webhooks.create_endpoint(alice.organization, receiver.url, alice.actor, types=["limit.reached"])
    say(alice.organization)
    wanted = say(alice.organization, "limit.reached")
    tell()
    assert [got.id for got in receiver.got] == [wanted.public_id]


def test_others_messages_go_to_others(alice, issued, receiver):
    charlie = house("Charlie")
    say(charlie.organization)
    assert tell() == 0 and receiver.got == []
    assert not webhooks.deliveries(charlie.organization).exists()


# ---------------------------------------------------------------- retries


def test_what_fails_is_tried_again_for_three_days_and_then_given_up(alice, issued, receiver):
    receiver.answer = status(500, b"down for a while")
    say(alice.organization)
    began = at = timezone.now()
    with time_machine.travel(at, tick=False):
        tell()
    pauses = []
    for number in range(2, 30):
        delivery = the_delivery()
        if delivery.state != "pending":
            break
        assert (delivery.attempts, delivery.last_status) == (number - 1, 500)
        pauses.append((delivery.next_attempt_at - at).total_seconds())
        at = delivery.next_attempt_at
        with time_machine.travel(at, tick=False):
            assert delivering.deliver_due() == 1
    assert delivery.state == "failed" and delivery.last_error == "The receiver answered 500."
    assert len(receiver.got) == 11 and len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert all(got.signed_by(issued.secret) for got in receiver.got)
    assert timedelta(hours=60) < at - began <= timedelta(hours=72)
    for pause, longest in zip(pauses, delivering.RETRIES, strict=True):
        assert 0.9 * longest <= pause <= longest
    log = webhooks.attempts(delivery)
    assert [row.number for row in log] == list(range(11, 0, -1))
    assert {(row.status, row.response_excerpt, row.succeeded) for row in log} == {(500, "down for a while", False)}


@pytest.mark.parametrize("code", [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
def test_all_but_2xx_has_failed(alice, issued, receiver, code):
    receiver.answer = status(code, Location=f"{receiver.url}/elsewhere")
    say(alice.organization)
    tell()
    assert (the_delivery().state, the_delivery().last_status) == ("pending", code)
    assert [got.path for got in receiver.got] == ["/hooks"]


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_2xx_is_delivered(alice, issued, receiver, code):
    receiver.answer = status(code)
    say(alice.organization)
    tell()
    assert the_delivery().state == "delivered"


def test_one_that_is_gone_is_switched_off_and_its_owner_told(alice, issued, receiver):
    verify(alice.owner)
    receiver.answer = status(410)
    say(alice.organization)
    say(alice.organization)
    tell()
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.disabled_reason, endpoint.is_enabled) == ("gone", False)
    assert set(Delivery.objects.filter(kind="webhook").values_list("state", flat=True)) <= {"failed", "cancelled"}
    assert AuditEntry.objects.get(action="webhook.disabled").changes == {"reason": "gone"}
    mail.outbox.clear()
    tell()
    assert mail.outbox[0].subject == f"A webhook was switched off: {receiver.url}"
    assert "410 Gone" in mail.outbox[0].body
    assert OutboxMessage.objects.filter(type="webhook.disabled").count() == 1


def test_one_that_failed_for_five_days_is_switched_off(alice, issued, receiver):
    receiver.answer = status(503)
    say(alice.organization)
    tell()
    with later(days=4):
        say(alice.organization)
        tell()
    assert WebhookEndpoint.objects.get().is_enabled
    with later(days=5, minutes=1):
        say(alice.organization)
        tell()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.disabled_reason == "failing"
    assert not Delivery.objects.filter(state="pending").exists()


def test_a_success_in_between_starts_the_five_days_anew(alice, issued, receiver):
    receiver.answer = status(503)
    say(alice.organization)
    tell()
    with later(days=4):
        receiver.answer = status(200)
        tell()
        assert WebhookEndpoint.objects.get().failing_since is None
    with later(days=6):
        receiver.answer = status(503)
        say(alice.organization)
        tell()
    assert WebhookEndpoint.objects.get().is_enabled


def test_one_that_was_switched_off_gets_nothing_more(alice, issued, receiver):
    receiver.answer = status(500)
    say(alice.organization)
    tell()
    webhooks.change(issued.endpoint, alice.actor, enabled=False)
    assert the_delivery().state == "cancelled"
    say(alice.organization)
    with later(hours=1):
        assert tell() == 0
    assert len(receiver.got) == 1
    webhooks.change(issued.endpoint, alice.actor, enabled=True)
    receiver.answer = status(200)
    say(alice.organization)
    assert tell() == 1


def test_one_that_is_switched_off_after_the_dispatch_gets_nothing(alice, issued, receiver):
    say(alice.organization)
    dispatching.dispatch_messages()
    WebhookEndpoint.objects.update(disabled_at=timezone.now())
    delivering.deliver_due()
    assert receiver.got == [] and the_delivery().state == "cancelled"


# ---------------------------------------------------------------- who sends


def test_killed_between_sending_and_recording_it_is_sent_once_more(alice, issued, receiver, monkeypatch):
    say(alice.organization)
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "_record", lambda *_: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            tell()
    assert len(receiver.got) == 1 and the_delivery().state == "pending"
    assert delivering.deliver_due() == 0, "the lease holds"
    with later(minutes=2, seconds=1):
        assert delivering.deliver_due() == 1
        assert delivering.deliver_due() == 0
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body) and second.signed_by(issued.secret)
    delivery = the_delivery()
    assert (delivery.state, delivery.attempts) == ("delivered", 2)
    log = DeliveryAttempt.objects.order_by("number")
    assert [(row.number, row.succeeded) for row in log] == [(1, False), (2, True)]
    assert "may have got the message" in log[0].error


def test_a_result_that_comes_after_the_lease_changes_nothing(alice, issued, receiver):
    say(alice.organization)
    dispatching.dispatch_messages()
    (slow,) = delivering._claim([])
    with later(minutes=3):
        delivering.deliver_due()
    assert the_delivery().state == "delivered"
    delivering._record(slow, delivering.Outcome(False, 500, "late"))
    delivery = the_delivery()
    assert (delivery.state, delivery.last_status, DeliveryAttempt.objects.count()) == ("delivered", 200, 2)


def test_what_ends_every_process_that_sends_it_is_given_up(alice, issued, receiver):
    say(alice.organization)
    dispatching.dispatch_messages()
    at = timedelta()
    for _ in range(30):
        with later(seconds=at.total_seconds()):
            delivering._claim([])
        at += delivering.LEASE + timedelta(seconds=1)
    assert the_delivery().state == "failed"
    assert receiver.got == []


# ---------------------------------------------------------------- verbs


def test_both_secrets_sign_while_a_rotation_overlaps(alice, issued, receiver):
    rotated = webhooks.rotate_secret(issued.endpoint, alice.actor, overlap=timedelta(hours=24))
    assert rotated.secret != issued.secret
    with later(hours=23):
        say(alice.organization)
        tell()
    with later(hours=24, seconds=1):
        say(alice.organization)
        tell()
    during, after = receiver.got
    assert during.signed_by(issued.secret) and during.signed_by(rotated.secret)
    assert after.signed_by(rotated.secret) and not after.signed_by(issued.secret)


def test_a_rotation_without_overlap_ends_the_old_secret_now(alice, issued, receiver):
    rotated = webhooks.rotate_secret(issued.endpoint, alice.actor, overlap=timedelta(0))
    say(alice.organization)
    tell()
    (got,) = receiver.got
    assert got.signed_by(rotated.secret) and not got.signed_by(issued.secret)
    assert WebhookEndpoint.objects.get().previous_sealed == ""


def test_an_overlap_is_one_of_few(alice, issued):
    with pytest.raises(ValidationError, match="Overlap is one of"):
        webhooks.rotate_secret(issued.endpoint, alice.actor, overlap=timedelta(days=400))


def test_a_delivery_can_be_replayed(alice, issued, receiver):
    receiver.answer = status(500)
    message = say(alice.organization)
    tell()
    Delivery.objects.update(state="failed", attempts=11)
    delivery = webhooks.replay(the_delivery(), alice.actor)
    assert (delivery.state, delivery.attempts_before) == ("pending", 11)
    assert delivering.deliver_due() == 1
    assert the_delivery().state == "pending", "retries begin anew"
    receiver.answer = status(200)
    with later(minutes=1):
        delivering.deliver_due()
    assert the_delivery().state == "delivered"
    webhooks.replay(the_delivery(), alice.actor)
    delivering.deliver_due()
    assert {got.id for got in receiver.got} == {message.public_id} and len(receiver.got) == 4
    entry = AuditEntry.objects.filter(action="delivery.replayed").first()
    assert entry.organization == alice.organization and entry.actor == alice.owner


def test_what_is_being_sent_or_off_cannot_be_replayed(alice, issued):
    say(alice.organization)
    dispatching.dispatch_messages()
    delivering._claim([])
    with pytest.raises(ValidationError, match="being sent right now"):
        webhooks.replay(the_delivery(), alice.actor)
    webhooks.change(issued.endpoint, alice.actor, enabled=False)
    with later(minutes=5), pytest.raises(ValidationError, match="switched off"):
        webhooks.replay(the_delivery(), alice.actor)
    with pytest.raises(ValidationError, match="switched off"):
        webhooks.send_test(issued.endpoint, alice.actor)


def test_an_endpoint_can_be_changed(alice, issued, receiver):
    changed = webhooks.change(
        issued.endpoint,
        alice.actor,
        url="https://example.com/x?token=abc",
        types=["limit.reached"],
        description=" Two ",
    )
    assert (changed.url, changed.types, changed.description) == (
        "https://example.com/x?token=abc", ["limit.reached"], "Two",
    )  # fmt: skip
    assert AuditEntry.objects.get(action="webhook.changed").changes["url"] == "https://example.com/x"
    webhooks.change(changed, alice.actor)
    assert AuditEntry.objects.filter(action="webhook.changed").count() == 1


def test_a_removed_endpoint_keeps_its_log_and_no_secret(alice, issued, receiver):
    say(alice.organization)
    tell()
    webhooks.remove(issued.endpoint, alice.actor)
    webhooks.remove(issued.endpoint, alice.actor)
    assert webhooks.endpoints(alice.organization) == []
    assert webhooks.deliveries(alice.organization, endpoint=issued.endpoint).count() == 1
    row = WebhookEndpoint.objects.get()
    assert (row.sealed, row.previous_sealed) == ("", "")
    assert AuditEntry.objects.filter(action="webhook.removed").count() == 1
    with pytest.raises(ValidationError, match="removed"):
        webhooks.change(issued.endpoint, alice.actor, enabled=True)
    say(alice.organization)
    assert tell() == 0


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("url", {"url": "ftp://example.com"}),
        ("types", {"types": ["limit.reached", "nonsense"]}),
        ("description", {"description": "x" * 201}),
        ("description", {"description": "two\nlines"}),
    ],
)
def test_a_wrong_endpoint_is_refused_by_field(alice, field, fields):
    with pytest.raises(ValidationError) as refused:
        webhooks.create_endpoint(alice.organization, **{"url": "https://example.com", "by": alice.actor, **fields})
    assert list(refused.value.message_dict) == [field]


def test_there_is_an_end_to_endpoints(alice, receiver):
    for _ in range(webhooks.MOST_ENDPOINTS):
        webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)
    with pytest.raises(ValidationError, match="at most 20"):
        webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)


def test_the_log_is_found_by_endpoint_and_state(alice, issued, receiver):
    other = webhooks.create_endpoint(alice.organization, receiver.url, alice.actor).endpoint
    say(alice.organization)
    tell()
    assert webhooks.deliveries(alice.organization).count() == 2
    assert [row.endpoint for row in webhooks.deliveries(alice.organization, endpoint=other)] == [other]
    assert not webhooks.deliveries(alice.organization, state="failed").exists()


def test_the_log_of_attempts_is_append_only(alice, issued, receiver):
    say(alice.organization)
    tell()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DeliveryAttempt.objects.update(succeeded=False)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DeliveryAttempt.objects.all().delete()


def test_who_may_manage_webhooks():
    allowed = {role for role in Role if allows(role, Permission.MANAGE_ORGANIZATION)}
    assert allowed == {Role.OWNER, Role.ADMIN}


def test_the_day_of_a_message_is_that_of_its_cause(alice, issued, receiver):
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    message = say(alice.organization)
    OutboxMessage.objects.filter(pk=message.pk).update(created_at=at)
    tell()
    assert receiver.got[0].json["created_at"] == "2026-11-24T12:30:00Z"
