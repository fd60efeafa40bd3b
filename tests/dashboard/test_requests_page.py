"""The Requests tab: which requests it lists, in which order, page by page; the page of one; the export."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import Organization, User
from accounts.roles import Role
from billing.models import RefusedRequest
from catalog import providers
from tests.billing.reporter import price_the_past, report, usage
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house
from usage.models import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOSTILE = "<img src=x onerror=alert(1)>"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def alice() -> House:
    return house("Alice")


def listed(client: Client, query: str = "") -> list[int]:
    """The ids on a page."""
    return [row.event.pk for row in client.get(f"/usage/requests/{query}").context["rows"]]


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/usage/requests/export.csv{query}")
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body, newline="")))


def test_before_the_first_request_it_says_what_comes_here(alice: House) -> None:
    page = browser(alice.owner).get("/usage/requests/").content.decode()
    assert "No requests yet" in page and "Make your first call" in page


def test_newest_first_and_page_by_page_without_a_gap(alice: House) -> None:
    key, _ = alice.key("web")
    at = timezone.now() - timedelta(hours=1)
    # Several of one moment, and ids that do not follow the time.
    events = [request_of(key, at - timedelta(seconds=number // 3)) for number in range(60)]
    record(*events)
    client = browser(alice.owner)
    found: list[int] = []
    query = "?size=25"
    for _ in range(3):
        page = client.get(f"/usage/requests/{query}")
        found += [row.event.pk for row in page.context["rows"]]
        query = page.context["older"]
    assert query == ""
    wanted = sorted(events, key=lambda event: (event.occurred_at, event.pk), reverse=True)
    assert found == [event.pk for event in wanted]
    assert "before=" in client.get("/usage/requests/?size=25").content.decode()


def test_filters_of_the_usage_page_and_its_own(alice: House) -> None:
    web, other = alice.key("web")[0], alice.key("other")[0]
    at = timezone.now() - timedelta(minutes=30)
    events = [
        request_of(web, at),
        request_of(other, at, model="deepseek-coder"),
        request_of(web, at, finish_reason="client_closed"),
        request_of(web, at, status=502, finish_reason="upstream_error", error_code="upstream_error"),
        request_of(web, at - timedelta(days=40)),
    ]
    record(*events)
    ids = [event.pk for event in events]
    client = browser(alice.owner)
    assert set(listed(client)) == set(ids[:4])
    assert listed(client, f"?key={other.public_id}") == [ids[1]]
    assert listed(client, "?model=deepseek-coder") == [ids[1]]
    assert listed(client, "?ended=client_closed") == [ids[2]]
    assert listed(client, "?status=5xx") == [ids[3]]
    assert set(listed(client, "?period=90d")) == set(ids)
    assert set(listed(client, "?ended=nonsense&status=9xx&size=7&hour=then")) == set(ids[:4])
    page = client.get("/usage/requests/?ended=length").content.decode()
    assert "No request matches in this period." in page
    # Tabs, chips and pages keep what was chosen.
    text = client.get(f"/usage/requests/?key={web.public_id}&ended=stop&size=25").content.decode()
    assert f"/usage/?key={web.public_id}" in text and "ended=stop" in text
    assert len(exported(client, "?ended=stop")) == 2


def test_an_hour_of_the_organizations_day(alice: House) -> None:
    Organization.objects.update(time_zone="Asia/Kolkata")
    key, _ = alice.key("web")
    with time_machine.travel(NOW, tick=False):
        events = [request_of(key, NOW - timedelta(minutes=minutes)) for minutes in (10, 40, 95)]
        record(*events)
        client = browser(alice.owner)
        usage = client.get("/usage/?period=today&metric=requests")
        links = [bar.requests for bar, _, total in usage.context["report"].chart.table() if total]
        counts = [len(listed(client, link)) for link in links]
        totals = [total for _, _, total in usage.context["report"].chart.table() if total]
        assert counts == totals and sum(counts) == 3
        assert "the hour from" in client.get(f"/usage/requests/{links[0]}").content.decode()


def test_from_every_figure_to_the_requests_behind_it(alice: House) -> None:
    web, other = alice.key("web")[0], alice.key("other")[0]
    now = timezone.now()
    record(
        *[request_of(web, now - timedelta(hours=hours)) for hours in (1, 30, 60)],
        *[request_of(other, now - timedelta(hours=hours), model="deepseek-coder") for hours in (1, 31)],
    )
    client = browser(alice.owner)
    for by in ("model", "key", "project", "day"):
        page = client.get(f"/usage/?by={by}")
        for line in page.context["report"].lines:
            assert len(listed(client, line.requests)) == line.sums.requests
            if line.sums.requests:
                # The link as it stands in the page.
                assert f"/usage/requests/{line.requests}".replace("&", "&amp;") in page.content.decode()
    for bar, _, _ in client.get("/usage/?metric=requests").context["report"].chart.table():
        assert bar.requests.startswith("?")
    # Where a model is chosen already, the figure still leads to its requests.
    line = client.get("/usage/?model=deepseek-coder").context["report"].lines[0]
    assert len(listed(client, line.requests)) == 2


def test_a_request_id_leads_to_its_page_or_says_why_not(alice: House) -> None:
    key, _ = alice.key("web")
    event = request_of(key, timezone.now() - timedelta(days=80))
    record(event)
    client = browser(alice.owner)
    assert client.get(f"/usage/requests/?id=+{event.request_id}+")["location"] == f"/usage/requests/{event.request_id}/"
    page = client.get("/usage/requests/", {"id": HOSTILE}).content.decode()
    assert "No request has the id" in page and HOSTILE not in page
    RefusedRequest.objects.create(
        organization=alice.organization, api_key=key, request_id="req_no", model="m", code="rate_limit_exceeded",
        message="Slow down", at=timezone.now(),
    )  # fmt: skip
    assert "req_no was refused with rate_limit_exceeded" in client.get("/usage/requests/?id=req_no").content.decode()


def test_wrong_days_are_told_at_their_field(alice: House) -> None:
    client = browser(alice.owner)
    page = client.get("/usage/requests/?from=soon").content.decode()
    assert "<title>Error: " in page and 'value="soon"' in page
    assert client.get("/usage/requests/export.csv?from=soon").status_code == 400
    shown = client.get("/usage/requests/").context["filter"].shown
    first, last = shown.split(".")
    answer = client.get(f"/usage/requests/?period=7d&shown={shown}&from={first}&to={last}&ended=stop&status=&id=")
    assert answer["location"] == "/usage/requests/?period=7d&ended=stop"


@pytest.mark.parametrize(
    "query", ["?before=1", "?before=x", "?before=99999999999999999999", "?key=%00", "?project=proj_x"]
)
def test_what_is_not_there_is_404(alice: House, query: str) -> None:
    assert browser(alice.owner).get(f"/usage/requests/{query}").status_code == 404


def test_the_arithmetic_sums_to_the_charge(alice: House) -> None:
    key, _ = alice.key("web")
    event = request_of(
        key, timezone.now(), tokens=(7, 3, 5), prices=(270_123, 70_001, 1_100_007), charge=7_601, first_token_ms=200,
        duration_ms=1_200,
    )  # fmt: skip
    pico = 7 * 270_123 + 3 * 70_001 + 5 * 1_100_007
    assert pico == 7_600_899
    event.charge = pico // 1000
    record(event)
    page = browser(alice.owner).get(f"/usage/requests/{event.request_id}/")
    found = page.context["arithmetic"]
    assert [line.amount for line in found.lines] == ["0.000001890861", "0.000000210003", "0.000005500035"]
    assert (found.total, found.rounded_off, found.overrun) == ("0.000007600899", "0.000000000899", "")
    text = page.content.decode()
    assert '<data value="0.0000076">0.0000076</data>' in text
    assert "0.270123" in text
    timing = page.context["timing"]
    assert (timing["first"], timing["rest"], timing["total"], timing["pace"]) == (200, 1000, 1200, "5.0")


def test_a_tiny_cost_never_shows_as_nothing(alice: House) -> None:
    key, _ = alice.key("web")
    event = request_of(key, timezone.now(), tokens=(1, 0, 0), prices=(1_000, 0, 0), charge=1)
    record(event)
    client = browser(alice.owner)
    assert '<data value="0.000000001">0.000000001</data>' in client.get("/usage/requests/").content.decode()
    assert (
        '<data value="0.000000001">&lt;$0.000001</data>'
        in client.get(f"/usage/requests/{event.request_id}/").content.decode()
    )


def test_who_and_why_and_what_is_unknown(alice: House) -> None:
    provider = providers.connect("acme", "https://host/v1", "secret")
    key = keys.create(alice.project, HOSTILE[:60], alice.actor, owner=alice.owner).api_key
    event = request_of(
        key, timezone.now(), provider=provider, user=alice.owner, usage_source="partial", finish_reason="client_closed",
        overrun=5_000, model=HOSTILE,
    )  # fmt: skip
    record(event)
    page = browser(alice.owner).get(f"/usage/requests/{event.request_id}/").content.decode()
    assert HOSTILE not in page and "&lt;img" in page
    assert "Stopped by the client" in page and "up to where the answer ended" in page and "not available" in page
    assert "Above what was held: not charged" in page and "0.000005" in page
    assert "acme" not in page
    User.objects.filter(pk=alice.owner.pk).update(is_staff=True)
    assert (
        "acme"
        in browser(User.objects.get(pk=alice.owner.pk)).get(f"/usage/requests/{event.request_id}/").content.decode()
    )


def test_why_it_ended_is_told_once(alice: House) -> None:
    key, _ = alice.key("web")
    event = request_of(key, timezone.now(), status=503, finish_reason="upstream_error", error_code="upstream_error")
    record(event)
    page = browser(alice.owner).get(f"/usage/requests/{event.request_id}/").content.decode()
    assert page.count("<code>upstream_error</code>") == 1 and 'href="/docs/errors/upstream_error/"' in page


def test_the_export_has_every_row_and_every_digit(alice: House) -> None:
    key = keys.create(alice.project, "=cmd()", alice.actor).api_key
    at = timezone.now() - timedelta(hours=2)
    record(*[request_of(key, at - timedelta(seconds=number // 2), charge=number) for number in range(2_345)])
    found = exported(browser(alice.owner))
    assert len(found) == len({row["request_id"] for row in found}) == 2_345
    assert found[0]["api_key"] == "'=cmd()" and found[0]["currency"] == "USD"
    assert found[-1]["cost"] in ("0.000002344", "0.000002343")
    assert found == sorted(found, key=lambda row: row["at"], reverse=True)


def test_the_list_takes_a_fixed_number_of_queries(alice: House, django_assert_max_num_queries: object) -> None:
    at = timezone.now() - timedelta(hours=1)
    for number in range(10):
        record(request_of(alice.key(f"key-{number}")[0], at))
    client = browser(alice.owner)
    client.get("/usage/requests/")
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        client.get("/usage/requests/")


def test_roles_see_what_they_reach(alice: House) -> None:
    secret = alice.organization.projects.create(name="Secret plans")
    hidden = request_of(keys.create(secret, "secret-key", alice.actor).api_key, timezone.now())
    shown = request_of(alice.key("open-key")[0], timezone.now())
    record(hidden, shown)
    developer = browser(alice.member("Bob", Role.DEVELOPER))
    assert listed(developer) == [shown.pk]
    assert [row["api_key"] for row in exported(developer)] == ["open-key"]
    assert developer.get(f"/usage/requests/{hidden.request_id}/").status_code == 404
    assert "secret" not in developer.get("/usage/requests/").content.decode().lower()
    viewer = browser(alice.member("Vera", Role.VIEWER))
    assert set(listed(viewer)) == {hidden.pk, shown.pk}
    for path in ("/usage/requests/", f"/usage/requests/{shown.request_id}/"):
        text = viewer.get(path).content.decode().split("<main")[1]
        assert "$" not in text and "Cost" not in text
    assert not {"cost", "currency", "input_price_per_million"} & set(exported(viewer)[0])
    billing = browser(alice.member("Jon", Role.BILLING))
    assert set(listed(billing)) == {hidden.pk, shown.pk}
    assert (
        f"/keys/{shown.api_key.public_id}/" not in billing.get(f"/usage/requests/{shown.request_id}/").content.decode()
    )


def test_charlie_sees_nothing_of_alice(alice: House) -> None:
    key, _ = alice.key("open-key")
    event = request_of(key, timezone.now())
    record(event)
    client = browser(house("Charlie").owner)
    assert listed(client) == [] and exported(client) == []
    assert client.get(f"/usage/requests/{event.request_id}/").status_code == 404
    for query in (f"?key={key.public_id}", f"?project={alice.project.public_id}", f"?before={event.pk}"):
        assert client.get(f"/usage/requests/{query}").status_code == 404
    assert "No request has the id" in client.get(f"/usage/requests/?id={event.request_id}").content.decode()
    assert UsageEvent.objects.count() == 1
    for path in ("/usage/requests/", "/usage/requests/export.csv", f"/usage/requests/{event.request_id}/"):
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next=")
        assert client.post(path).status_code == 405


def test_a_time_that_nobody_measured_is_not_zero(alice: House) -> None:
    """Neither on the request's page, nor in the middle of all times, nor in the export."""
    price_the_past()
    report(alice, usage(id="a"), usage(id="b", duration_ms=1200))
    client = browser(alice.owner)
    assert client.get("/usage/").context["report"].breakdown.paces.of_all.duration == 1200
    unknown = UsageEvent.objects.get(external_id="a")
    assert '<dd class="num">—</dd>' in client.get(f"/usage/requests/{unknown.request_id}/").content.decode()
    assert sorted(row["duration_ms"] for row in exported(client)) == ["", "1200"]
