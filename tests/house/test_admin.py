import re
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission as DjangoPermission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit, closing, idempotency, keys
from accounts.actor import SYSTEM, Actor
from accounts.idempotency import Answer, Credential
from accounts.models import AuditEntry, Invitation, Organization, Preset, User
from accounts.roles import Role
from billing import alerting, balances, codes, grants, limits, opening, webhooks
from billing.limits import Terms
from billing.models import (
    Adjustment,
    AuditPosition,
    CreditGrant,
    DaySeal,
    Delivery,
    DeliveryAttempt,
    ExportFile,
    FileImport,
    Hold,
    HouseDay,
    LedgerEntry,
    LowBalance,
    MeteringProcess,
    ModelDay,
    OutboxMessage,
    ProviderHealth,
    RedemptionCode,
    RefusalCount,
    RefusedRequest,
    ScheduledExport,
    SpendingWindow,
    Subscription,
    WebhookEndpoint,
)
from catalog import providers
from catalog.models import LanguageModel, Plan, Price, Provider, Route, TokenClass
from catalog.providers import Serves
from foundation.money import NANO
from tests.billing.reporter import price_the_past, report, usage, void
from tests.people import PASSWORD, house, person
from usage.models import KeySpan, KeyTotal, PendingRollup, ProjectSpan, UsageEvent, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
# The provider's key, anything sealed, a fingerprint.
_SECRET = re.compile(r"acme-secret|v1:[\w-]{20}|f{64}|[0-9a-f]{64}")
ROOMS = ("accounts", "catalog", "usage", "billing")
MODELS = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
FACTS = {
    "UsageEvent", "UsageRollup", "KeySpan", "KeyTotal", "ProjectSpan", "PendingRollup", "LedgerEntry", "Hold",
    "MeteringProcess", "AuditEntry", "IdempotentRequest", "ApiKeySecret", "OutboxMessage", "WebhookEndpoint",
    "Delivery", "DeliveryAttempt",
    "Redemption", "SpendingLimit", "SpendingWindow", "Alert", "RefusalCount", "RefusedRequest", "CatalogRevision",
    "DaySeal", "Adjustment", "IngestionBatch", "LateUsage", "Correction", "FileImport", "LowBalance", "AuditPosition",
    "AccountDeletion", "ModelDay", "HouseDay", "ProviderHealth", "ExportFile",
}  # fmt: skip
NO_DELETE = {"User", "Organization", "Project", "ApiKey", "LanguageModel", "Price", "Plan", "Provider", "CreditGrant"}


@pytest.fixture
def alice():
    return house()


@pytest.fixture
def operator(alice):
    """A browser with an operator logged in."""
    return logged_in(User.objects.create_superuser("operator@example.com"))


def logged_in(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def url(model, verb, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}", args=args)


def metered(key):
    """A row of every kind that requests leave behind."""
    now = datetime.now(UTC)
    common = {"organization": key.organization, "project": key.project, "api_key": key, "model": "deepseek-chat"}
    prices = {"input_price": 270_000, "cached_input_price": 70_000, "output_price": 1_100_000, "price_ids": "1,2,3"}
    tokens = {"input_tokens": 5, "cached_input_tokens": 2, "output_tokens": 3}
    UsageEvent.objects.create(
        id=7, request_id="req_7", occurred_at=now, duration_ms=10, stream=False, status=200, finish_reason="stop",
        usage_source="upstream", charge=1_234, **common, **tokens, **prices,
    )  # fmt: skip
    UsageRollup.objects.create(bucket=now, requests=1, charge=1_234, **common, **tokens)
    KeySpan.objects.create(width=240, bucket=now, requests=1, charge=1_234, **common, **tokens)
    of_key = {name: value for name, value in common.items() if name != "model"}
    KeyTotal.objects.create(width=1440, bucket=now, requests=1, charge=1_234, **of_key, **tokens)
    of_project = {name: value for name, value in common.items() if name != "api_key"}
    ProjectSpan.objects.create(width=240, bucket=now, requests=1, charge=1_234, **of_project, **tokens)
    PendingRollup.objects.create(event_id=7, bucket=now, requests=1, charge=1_234, **common, **tokens)
    Hold.objects.create(
        id=7, request_id="req_7", stream=False, state="settled", amount=9_000, legs="[]", input_bound=5, output_cap=9,
        admitted_at=now, lease_until=now, **common, **prices,
    )  # fmt: skip
    MeteringProcess.objects.create(host="here")


def announce(endpoint):
    """A message on its way to the endpoint."""
    message = OutboxMessage.objects.create(
        organization=endpoint.organization, type="limit.reached", payload={}, created_at=timezone.now()
    )
    return Delivery.objects.create(
        message=message, kind="webhook", endpoint=endpoint, state="failed", attempts=1,
        next_attempt_at=message.created_at, created_at=message.created_at,
    )  # fmt: skip


def prove(grant):
    """A sealed day, and a charge that was put right."""
    now = timezone.now()
    nothing = dict.fromkeys(
        ["events", "entries", "input_tokens", "cached_input_tokens", "output_tokens", "charge", "overrun", "credit"], 0
    )
    DaySeal.objects.create(day=now.date(), previous_hash="none", hash="abc", sealed_at=now, **nothing)
    Adjustment.objects.create(
        run="a wrong price", organization=grant.organization, event=UsageEvent.objects.get(), grant=grant, at=now,
        charged=1_234, repriced=1_000, amount=234, input_price=1, cached_input_price=1, output_price=1,
    )  # fmt: skip


def report_from_elsewhere(alice):
    """An event, its correction, a file, and what the clock has seen."""
    report(alice, usage(id="a"), void("a"), usage(at=timezone.now() - timedelta(hours=1)))
    counts = dict.fromkeys(("rows", "accepted", "duplicate", "conflict", "rejected", "passed_over"), 1)
    FileImport.objects.create(organization=alice.organization, name="usage.csv", digest="0", **counts)
    LowBalance.objects.create(organization=alice.organization, since=timezone.now())
    AuditPosition.objects.get_or_create(id=1, defaults={"entry_id": 7})


def watch(alice):
    """A day of the status page, a provider that fails, and a file of an export."""
    day = timezone.now().date()
    ModelDay.objects.create(model="deepseek-chat", day=day, answered=9, failed=1, bad_minutes=2)
    HouseDay.objects.create(day=day, first_minute=0, last_minute=9, minutes=10)
    provider = Provider.objects.get(name="acme")
    ProviderHealth.objects.create(provider=provider, failed_in_a_row=1, failure="unreachable")
    bucket = ScheduledExport.objects.create(
        organization=alice.organization, place="s3", bucket="usage", access_key_id="AKIA", contents=["usage"],
        sealed="v1:" + "s" * 40, next_day=day,
    )  # fmt: skip
    ExportFile.objects.create(export=bucket, content="usage", day=day)


def furnish(alice):
    """One row of every model."""
    price_the_past()
    key, _ = alice.key("web")
    metered(key)
    alice.member("Bob", Role.DEVELOPER)
    Invitation.objects.create(
        organization=alice.organization, email="c@example.com", fingerprint="f" * 64, expires_at=timezone.now()
    )
    prove(grants.give(alice.organization, NANO))
    codes.redeem(alice.organization, codes.create(codes.Terms(NANO)).text, alice.actor)
    providers.serve(providers.connect("acme", "https://host/v1", "acme-secret"), Serves("deepseek-chat", "chat"))
    watch(alice)
    limits.set_limit(key, Terms("usd", 10, "month"))
    alerting.tell((), SpendingWindow.objects.values_list("pk", flat=True), timezone.now())
    refused_row = {"organization": alice.organization, "api_key": key, "model": "deepseek-chat", "code": "x"}
    RefusalCount.objects.create(project=alice.project, minute=timezone.now(), count=1, **refused_row)
    RefusedRequest.objects.create(request_id="req_8", message="No.", at=timezone.now(), **refused_row)
    report_from_elsewhere(alice)
    closing.ask(house("Charlie").owner, SYSTEM)
    Preset.objects.create(organization=alice.organization, owner=alice.owner, name="Poems", model="x")
    endpoint = webhooks.create_endpoint(alice.organization, "https://example.com/hooks?token=acme-secret", alice.actor)
    delivery = announce(endpoint.endpoint)
    DeliveryAttempt.objects.create(delivery=delivery, number=1, at=timezone.now(), succeeded=False)
    credential = Credential(alice.organization.pk, "key:1", "sk-x")
    idempotency.once(credential, "once", "request", lambda: Answer(201, {"id": "key_1"}, secret="sk-" + "s" * 38))


def test_every_model_is_there():
    assert [model.__name__ for model in MODELS if model not in admin.site._registry] == []


def test_every_page_opens_and_shows_no_secret(alice, operator):
    furnish(alice)
    for model in MODELS:
        options = admin.site._registry[model]
        assert options.search_fields and (options.list_filter or model._meta.model_name != "user"), model
        row = model._default_manager.first()
        assert row is not None, model
        pages = [url(model, "changelist"), url(model, "changelist") + "?q=x", url(model, "change", row.pk)]
        if operator.get(url(model, "add")).status_code != 403:
            pages.append(url(model, "add"))
        for page in pages:
            answer = operator.get(page)
            assert answer.status_code == 200, page
            text = answer.content.decode()
            assert not _SECRET.search(text), page


@pytest.mark.parametrize("model", [model for model in MODELS if model.__name__ in FACTS], ids=lambda m: m.__name__)
def test_facts_are_read_only(alice, operator, model):
    furnish(alice)
    row = model._default_manager.first()
    assert operator.get(url(model, "add")).status_code == 403
    assert operator.post(url(model, "change", row.pk), {"_save": "1"}).status_code == 403
    assert operator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [model for model in MODELS if model.__name__ in NO_DELETE], ids=lambda m: m.__name__)
def test_what_facts_point_to_is_never_deleted(alice, operator, model):
    furnish(alice)
    row = model._default_manager.first()
    assert operator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in operator.get(url(model, "changelist")).content


def no_rows(prefix, **more):
    """What a page sends for an inline table without rows."""
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0", **more}


def test_a_providers_key_goes_in_and_never_out(operator):
    page = url(Provider, "add")
    asked = {"name": "acme", "base_url": "http://ollama:11434/v1/", "secret": "acme-secret", "enabled": "on"}
    assert operator.post(page, asked | no_rows("routes")).status_code == 302
    provider = Provider.objects.get(name="acme")
    assert provider.base_url == "http://ollama:11434/v1"
    assert providers.open_secret(provider.sealed_secret, "acme") == "acme-secret"
    change = url(Provider, "change", provider.pk)
    assert b"acme-secret" not in operator.get(change).content
    # Without a new one the stored key stays, also when the provider is switched off.
    assert operator.post(change, {"base_url": "https://other/v1", "secret": ""} | no_rows("routes")).status_code == 302
    provider.refresh_from_db()
    assert (provider.base_url, provider.enabled) == ("https://other/v1", False)
    assert providers.open_secret(provider.sealed_secret, "acme") == "acme-secret"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "demo"},
        {"base_url": "ftp://x"},
        {"base_url": "https://u:p@host"},
        {"secret": "two words"},
        {"secret": "ключ"},
    ],
)
def test_a_wrong_provider_is_refused(operator, wrong):
    asked = {"name": "acme", "base_url": "https://host/v1", "secret": "x", **wrong} | no_rows("routes")
    assert operator.post(url(Provider, "add"), asked).status_code == 200
    assert not Provider.objects.exists()


def test_a_route_to_a_real_provider_takes_over_from_the_demo(operator):
    opening.route_demo("http://127.0.0.1:9/v1")
    provider = providers.connect("acme", "https://host/v1")
    model = LanguageModel.objects.get(name="deepseek-chat")
    row = {
        "routes-0-model": model.pk,
        "routes-0-upstream_model": "chat",
        "routes-0-position": "1",
        "routes-0-enabled": "on",
    }
    asked = {"base_url": provider.base_url, "enabled": "on", **no_rows("routes"), "routes-TOTAL_FORMS": "1", **row}
    assert operator.post(url(Provider, "change", provider.pk), asked).status_code == 302
    assert [route.provider.name for route in Route.objects.filter(model=model, enabled=True)] == ["acme"]


def test_a_price_is_a_new_row_in_exact_money(operator):
    model = LanguageModel.objects.get(name="deepseek-chat")
    asked = {"model": model.pk, "token_class": "input", "scope": "everybody", "unit_price": "0.3000001"}
    asked |= {"effective_from_0": "2026-01-01", "effective_from_1": "00:00:00"}
    assert operator.post(url(Price, "add"), asked).status_code == 200
    assert model.prices.count() == 3
    assert operator.post(url(Price, "add"), asked | {"unit_price": "0.30"}).status_code == 302
    made = model.prices.get(token_class=TokenClass.INPUT, unit_price=300_000)
    assert made.created_by.email == "operator@example.com"
    assert operator.post(url(Price, "change", made.pk), asked).status_code == 403


def test_a_price_for_one_organization_names_it(alice, operator):
    model = LanguageModel.objects.get(name="deepseek-chat")
    asked = {"model": model.pk, "token_class": "input", "scope": "organization", "unit_price": "0.1"}
    asked |= {"effective_from_0": "2026-01-01", "effective_from_1": "00:00:00"}
    assert operator.post(url(Price, "add"), asked).status_code == 200
    assert operator.post(url(Price, "add"), asked | {"organization": alice.organization.pk}).status_code == 302
    assert Price.objects.get(organization=alice.organization).unit_price == 100_000


def test_credit_is_given_by_the_ledger(alice, operator):
    asked = {"organization": alice.organization.pk, "kind": "operator", "amount": "12.000000001", "note": "Sorry"}
    asked |= {"starts_at_0": "2026-01-01", "starts_at_1": "00:00:00"}
    before = balances.balance(alice.organization.pk).available
    for amount in ("", "0", "-1", "1e400", "NaN", "0.0000000001"):
        assert operator.post(url(CreditGrant, "add"), asked | {"amount": amount}).status_code == 200
    assert operator.post(url(CreditGrant, "add"), asked).status_code == 302
    grant = CreditGrant.objects.get(note="Sorry")
    assert (grant.amount, grant.created_by.email) == (12 * NANO + 1, "operator@example.com")
    assert balances.balance(alice.organization.pk).available == before + grant.amount
    assert sum(LedgerEntry.objects.filter(grant_id=grant.pk).values_list("amount", flat=True)) == 0
    assert AuditEntry.objects.filter(action="credit.granted", actor__email="operator@example.com").exists()
    assert operator.post(url(CreditGrant, "change", grant.pk), asked).status_code == 403


def test_a_plans_credit_is_typed_in_usd(operator):
    plan = Plan.objects.get(code="pro")
    asked = {"name": "Pro", "requests_per_minute": "100", "monthly_credit": "25.5", "position": "2"}
    assert b'value="20.00"' in operator.get(url(Plan, "change", plan.pk)).content
    assert operator.post(url(Plan, "change", plan.pk), asked).status_code == 302
    plan.refresh_from_db()
    assert plan.monthly_credit == 25_500_000_000


def test_suspending_goes_through_the_verb(alice, operator):
    row = {"_selected_action": [alice.organization.pk]}
    operator.post(url(Organization, "changelist"), {"action": "suspend", **row})
    alice.organization.refresh_from_db()
    assert alice.organization.suspended_at
    operator.post(url(Organization, "changelist"), {"action": "restore", **row})
    alice.organization.refresh_from_db()
    assert alice.organization.suspended_at is None
    assert list(
        AuditEntry.objects.filter(action__startswith="organization.s").values_list("actor__email", flat=True)
    ) == ["operator@example.com"]


def test_an_organizations_zone_must_exist(alice, operator):
    asked = {"name": "Alice & Co", "time_zone": "Mars/Base", **no_rows("memberships")}
    page = url(Organization, "change", alice.organization.pk)
    assert b"Not an IANA time zone" in operator.post(page, asked).content
    assert operator.post(page, asked | {"time_zone": "Asia/Shanghai"}).status_code == 302
    assert AuditEntry.objects.filter(action="organization.changed").exists()


def test_a_plan_is_changed_with_a_trace(alice, operator):
    subscription = Subscription.objects.get(organization=alice.organization)
    asked = {"plan": Plan.objects.get(code="enterprise").pk, "requests_per_minute": "5000"}
    assert operator.post(url(Subscription, "change", subscription.pk), asked).status_code == 302
    entry = AuditEntry.objects.get(action="subscription.changed")
    assert entry.changes == {"plan": "enterprise", "requests_per_minute": 5000}
    assert entry.organization == alice.organization


def test_operators_stop_keys_and_the_audit_names_them(alice, operator):
    key, _ = alice.key("web")
    where = url(type(key), "changelist")
    for action, stamp in (("disable", "disabled_at"), ("revoke", "revoked_at")):
        operator.post(where, {"action": action, "_selected_action": [key.pk]})
        key.refresh_from_db()
        assert getattr(key, stamp)
    assert AuditEntry.objects.filter(object_id=key.public_id, actor__email="operator@example.com").count() == 2


def test_who_may_only_look_stops_nothing(alice):
    key, _ = alice.key("web")
    looker = person("Looker")
    looker.is_staff = True
    looker.save()
    looker.user_permissions.add(DjangoPermission.objects.get(codename="view_apikey"))
    client = logged_in(looker)
    where = url(type(key), "changelist")
    assert client.get(where).status_code == 200
    client.post(where, {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is None


def test_customers_do_not_get_in(alice):
    client = logged_in(alice.owner)
    for model in MODELS:
        assert client.get(url(model, "changelist")).status_code == 302


def test_people_are_made_with_a_password_and_never_deleted(operator):
    asked = {"email": "new@example.com", "name": "New", "password1": PASSWORD, "password2": PASSWORD}
    assert operator.post(url(User, "add"), asked).status_code == 302
    assert User.objects.get(email="new@example.com").check_password(PASSWORD)


def test_an_audit_entry_shows_who_and_what(alice, operator):
    key, _ = alice.key("web")
    keys.disable(key, Actor(alice.owner))
    audit.record("key.odd", key, Actor(key_id="key_x", address="203.0.113.9"))
    text = operator.get(url(AuditEntry, "changelist")).content.decode()
    assert "key.disabled" in text and "203.0.113.9" in text and "alice@example.com" in text
    assert timezone.now() - AuditEntry.objects.first().at < timedelta(minutes=1)


def act(operator, model, name, row):
    return operator.post(url(model, "changelist"), {"action": name, "_selected_action": row.pk}, follow=True)


def test_operators_switch_webhooks_off_and_send_again(alice, operator):
    furnish(alice)
    endpoint, delivery = WebhookEndpoint.objects.get(), Delivery.objects.get()
    act(operator, WebhookEndpoint, "switch_off", endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, "person")
    assert "switched off" in act(operator, Delivery, "replay", delivery).content.decode()
    act(operator, WebhookEndpoint, "switch_on", endpoint)
    act(operator, Delivery, "replay", delivery)
    delivery.refresh_from_db()
    assert delivery.state == "pending"
    deeds = AuditEntry.objects.filter(actor__email="operator@example.com").values_list("action", flat=True)
    assert {"webhook.disabled", "webhook.enabled", "delivery.replayed"} <= set(deeds)


def test_a_new_code_is_shown_in_one_answer_and_can_be_voided(alice, operator):
    asked = {"amount": "12.50", "max_redemptions": "2", "valid_days": "30", "note": "fair"}
    assert operator.post(url(RedemptionCode, "add"), asked | {"amount": "0"}).status_code == 200
    assert not RedemptionCode.objects.exists()
    answer = operator.post(url(RedemptionCode, "add"), asked)
    code = RedemptionCode.objects.get()
    assert (code.amount, code.max_redemptions, code.valid_days) == (12_500_000_000, 2, 30)
    text = re.search(r"(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}", answer.content.decode())[0]
    assert "no-store" in answer["Cache-Control"]
    for page in (url(RedemptionCode, "changelist"), url(RedemptionCode, "change", code.pk), reverse("admin:index")):
        assert text[5:9] + "-" not in operator.get(page).content.decode()
    assert codes.redeem(alice.organization, text, alice.actor).amount == 12_500_000_000
    operator.post(url(RedemptionCode, "changelist"), {"action": "void", "_selected_action": code.pk})
    code.refresh_from_db()
    assert code.voided_at is not None
    assert AuditEntry.objects.filter(action="code.voided").count() == 1
