"""The status page: only what is really known, who may see what, and what it says without a database."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import ApiKey
from billing import status_report
from billing.models import Delivery, DeliveryAttempt, DeliveryKind, Hold, OutboxMessage
from billing.models.delivery import DeliveryState
from billing.models.hold import HoldState
from billing.status_report import Report, State
from catalog.models import LanguageModel, Provider, Route
from tests.dashboard.metered import request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db
URL = "/status/"


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def key(alice: House) -> ApiKey:
    for name, model in (("alpha", "deepseek-chat"), ("omega", "deepseek-coder")):
        provider = Provider.objects.create(name=name, base_url=f"http://{name}.example/v1")
        Route.objects.create(provider=provider, model=LanguageModel.objects.get(name=model), upstream_model="x")
    Route.objects.exclude(provider__name__in=["alpha", "omega"]).delete()
    return alice.key()[0]


def asked(
    key: ApiKey, ago: timedelta, *, model: str = "deepseek-chat", answered: bool = True, **more: Any
) -> UsageEvent | None:
    """A request as admission and settlement leave it behind."""
    at = timezone.now() - ago
    event = request_of(key, at, model=model, **more)
    Hold.objects.create(
        id=event.pk, organization=key.organization, project=key.project, api_key=key, request_id=event.request_id,
        model=model, stream=False, state=HoldState.SETTLED if answered else HoldState.RELEASED, amount=0, legs="[]",
        input_bound=1, output_cap=1, input_price=0, cached_input_price=0, output_price=0, price_ids="1,2,3",
        admitted_at=at, lease_until=at,
    )  # fmt: skip
    if not answered:
        return None
    event.save(force_insert=True)
    return event


def report(*, alive: bool | None = True, now: datetime | None = None, for_staff: bool = False) -> Report:
    is_alive = None if alive is None else (lambda: alive)
    return status_report.make(is_alive, now or timezone.now(), for_staff=for_staff)


def states(found: Report) -> dict[str, State]:
    return {str(one.name): one.state for one in found.every}


MINUTE = timedelta(minutes=1)


# ---------------------------------------------------------------- who may look


def test_everybody_may_look_where_it_is_public(alice: House) -> None:
    for client in (browser(None), browser(alice.owner)):
        answer = client.get(URL)
        page = answer.content.decode()
        assert answer.status_code == 200
        assert page.count("<h1") == 1
        assert "no-store" in answer["cache-control"]
        assert f'href="{URL}"' in client.get("/models/").content.decode()


@override_settings(STATUS_PUBLIC=False)
def test_only_members_may_look_where_it_is_not(alice: House) -> None:
    assert browser(None).get(URL)["location"] == f"/accounts/login/?next={URL}"
    assert browser(alice.owner).get(URL).status_code == 200
    assert f'href="{URL}"' not in browser(None).get("/models/").content.decode()
    assert f'href="{URL}"' not in browser(None).get("/docs/faq/").content.decode()
    assert f'href="{URL}"' in browser(alice.owner).get("/models/").content.decode()


def test_only_operators_see_providers(alice: House, key: ApiKey) -> None:
    for client in (browser(None), browser(alice.owner)):
        page = client.get(URL).content.decode()
        assert "Providers" not in page
        assert "omega" not in page
    alice.owner.is_staff = True
    alice.owner.save()
    page = browser(alice.owner).get(URL).content.decode()
    assert "Providers" in page
    assert "omega" in page


# ---------------------------------------------------------------- what is known


def test_what_nobody_tried_is_not_known(key: ApiKey) -> None:
    found = states(report(alive=None))
    assert found == {
        "Gateway": State.UNKNOWN, "Console": State.WORKING, "Database": State.WORKING,
        "E-mail and webhooks": State.UNKNOWN,
        "deepseek-chat": State.UNKNOWN, "deepseek-coder": State.UNKNOWN, "deepseek-math": State.DOWN,
    }  # fmt: skip


def test_the_gateway_is_asked(key: ApiKey) -> None:
    assert states(report(alive=True))["Gateway"] == State.WORKING
    found = report(alive=False)
    assert states(found)["Gateway"] == State.DOWN
    assert found.worst == State.DOWN


def test_a_model_works_when_it_answered_lately(key: ApiKey) -> None:
    asked(key, 5 * MINUTE)
    asked(key, 3 * MINUTE, answered=False)
    asked(key, 2 * MINUTE)
    asked(key, 90 * MINUTE, model="deepseek-coder")
    found = states(report())
    assert found["deepseek-chat"] == State.WORKING
    assert found["deepseek-coder"] == State.UNKNOWN


def test_one_request_without_an_answer_is_no_proof_three_are(key: ApiKey) -> None:
    asked(key, 9 * MINUTE)
    asked(key, 3 * MINUTE, answered=False)
    assert states(report())["deepseek-chat"] == State.UNSURE
    asked(key, 2 * MINUTE, answered=False)
    asked(key, 1 * MINUTE, finish_reason="upstream_error")
    found = report()
    assert states(found)["deepseek-chat"] == State.DOWN
    (row,) = [one for one in found.models if one.component.name == "deepseek-chat"]
    assert row.component.at is not None
    assert timedelta(seconds=170) < timezone.now() - row.component.at < timedelta(seconds=200)


def test_what_failed_long_ago_says_nothing_of_now(key: ApiKey) -> None:
    for number in range(4):
        asked(key, (90 + number) * MINUTE, answered=False)
    asked(key, timedelta(hours=25), model="deepseek-coder")
    found = states(report())
    assert found["deepseek-chat"] == State.UNKNOWN
    assert found["deepseek-coder"] == State.UNKNOWN


def test_a_client_that_left_in_mid_stream_was_answered(key: ApiKey) -> None:
    for number in range(4):
        asked(key, (1 + number) * MINUTE, finish_reason="client_closed")
    assert states(report())["deepseek-chat"] == State.WORKING


def test_the_time_to_the_first_token_needs_some_to_be_said(key: ApiKey) -> None:
    for number, took in enumerate((100, 900, 300, 200)):
        asked(key, (1 + number) * MINUTE, stream=True, first_token_ms=took)
    assert report().models[0].median_ms is None
    asked(key, 9 * MINUTE, stream=True, first_token_ms=400)
    asked(key, 9 * MINUTE, stream=False, first_token_ms=9_000)
    assert report().models[0].median_ms == 300


def test_a_provider_is_judged_by_its_own_requests(key: ApiKey) -> None:
    first, second = Provider.objects.order_by("name").filter(name__in=["alpha", "omega"])
    asked(key, 5 * MINUTE, provider_id=first.pk)
    asked(key, 4 * MINUTE, provider_id=second.pk, finish_reason="upstream_error")
    asked(key, 3 * MINUTE, answered=False)
    rows = {row.provider.name: row.seen for row in report(for_staff=True).providers}
    assert (rows["alpha"].answered, rows["alpha"].failed) == (1, 0)
    assert (rows["omega"].answered, rows["omega"].failed) == (0, 1)
    assert report().providers == []


# ---------------------------------------------------------------- messages


def message(alice: House, at: datetime, *, dispatched: bool = True) -> OutboxMessage:
    return OutboxMessage.objects.create(
        organization=alice.organization, type="limit.reached", payload={}, created_at=at,
        dispatched_at=at if dispatched else None,
    )  # fmt: skip


def delivery(alice: House, due: datetime, state: str = DeliveryState.PENDING) -> Delivery:
    return Delivery.objects.create(
        message=message(alice, due), kind=DeliveryKind.EMAIL, address="a@example.com", state=state, created_at=due,
        next_attempt_at=due,
    )  # fmt: skip


def test_messages_that_wait_too_long_are_said(alice: House, key: ApiKey) -> None:
    now = timezone.now()
    delivery(alice, now + timedelta(hours=2))
    delivery(alice, now - timedelta(seconds=20))
    assert states(report(now=now))["E-mail and webhooks"] == State.UNKNOWN
    late = delivery(alice, now - timedelta(minutes=12))
    assert states(report(now=now))["E-mail and webhooks"] == State.UNSURE
    late.state = DeliveryState.DELIVERED
    late.save()
    DeliveryAttempt.objects.create(delivery=late, number=1, at=now, succeeded=True)
    assert states(report(now=now))["E-mail and webhooks"] == State.WORKING
    message(alice, now - timedelta(minutes=3), dispatched=False)
    assert states(report(now=now))["E-mail and webhooks"] == State.UNSURE


# ---------------------------------------------------------------- without a database


class Away:
    """A connection that nobody gets."""

    def __call__(self, *_arguments: Any) -> None:
        raise OperationalError("gone")


def test_it_answers_while_the_database_is_away() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(status_report, "_database", Away())
        answer = Client().get(URL)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "It cannot be reached. Requests are refused with 503 and cost nothing." in page
    assert "Not known while the database is away." in page


def test_it_answers_even_when_nobody_can_be_recognized(alice: House) -> None:
    client = browser(alice.owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.views.status._is_staff", Away())
        answer = client.get(URL)
    assert answer.status_code == 503
    assert "Log in" in answer.content.decode()


def test_the_page_takes_a_fixed_number_of_queries(key: ApiKey, django_assert_max_num_queries: object) -> None:
    for number in range(30):
        asked(key, (1 + number) * MINUTE, answered=number % 3 > 0)
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        Client().get(URL)
