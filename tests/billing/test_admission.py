from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys, organizations
from accounts.models import ApiKey
from billing import grants
from billing.models import CreditGrant, Hold, Subscription
from billing.terms import Admission
from catalog import providers
from catalog.models import LanguageModel, Price, PriceScope, Provider, Route
from foundation import sealing
from foundation.money import NANO
from tests.billing.desk import admit, admitted, ask, refused, serve_all_models
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice():
    made = house()
    serve_all_models()
    return made


def test_it_holds_what_the_request_can_cost(alice):
    made = admitted(ask(*alice.key()))
    assert made.amount == 57_700
    grant = CreditGrant.objects.get()
    assert (grant.held, grant.burned) == (57_700, 0)
    assert Hold.objects.get().state == "active"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda key, house: keys.revoke(key, house.actor), "revoked"),
        (lambda key, house: keys.disable(key, house.actor), "disabled"),
        (lambda key, house: ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now()), "expired"),
        (lambda key, house: keys.regenerate(key, house.actor), "revoked"),
        (lambda key, house: organizations.suspend(house.organization, "unpaid", house.actor), "organization_suspended"),
        (lambda key, house: Subscription.objects.update(requests_per_minute=7), "stale"),
        (lambda key, house: ApiKey.objects.filter(pk=key.pk).update(scopes=["usage"]), "insufficient_permissions"),
        (lambda key, house: ApiKey.objects.filter(pk=key.pk).update(allowed_models=["x"]), "model_not_allowed"),
        (lambda key, house: ApiKey.objects.filter(pk=key.pk).update(allowed_networks=["10.0.0.0/8"]), "ip_not_allowed"),
        (lambda key, house: LanguageModel.objects.update(retired_at=timezone.now()), "model_not_found"),
        (lambda key, house: CreditGrant.objects.update(amount=57_699), "insufficient_quota"),
        (lambda key, house: CreditGrant.objects.update(expires_at=timezone.now()), "insufficient_quota"),
    ],
)
def test_a_change_is_true_for_the_very_next_request(alice, change, kind):
    key, secret = alice.key()
    asked = ask(key, secret)
    grants.ensure_monthly(alice.organization.pk)
    change(key, alice)
    refusal = refused(asked)
    assert refusal.kind == kind
    assert not Hold.objects.exists()


def test_a_key_in_its_grace_period_works_with_both_secrets(alice):
    key, old = alice.key()
    new = keys.regenerate(key, alice.actor, grace=timedelta(hours=1)).secret
    assert admitted(ask(key, old)) and admitted(ask(key, new))
    keys.stop_old_secret(key, alice.actor)
    assert refused(ask(key, old)).kind == "revoked"


def test_no_batch_holds_more_than_there_is(alice):
    key, secret = alice.key()
    grants.ensure_monthly(alice.organization.pk)
    CreditGrant.objects.update(amount=10 * 57_700)
    asked = ask(key, secret)
    answers = admit(*[asked] * 200)
    assert sum(isinstance(answer, Admission) for answer in answers) == 10
    assert refused(asked).kind == "insufficient_quota"


def test_a_refusal_names_whose_limit_and_when_it_resets(alice):
    key, secret = alice.key()
    grants.ensure_monthly(alice.organization.pk)
    CreditGrant.objects.update(amount=57_699)
    refusal = refused(ask(key, secret))
    assert refusal.message.startswith("Quota exceeded")
    assert alice.organization.name in refusal.message
    assert refusal.limit["scope"] == "organization"
    assert refusal.limit["limit"] == "0.000057699"
    assert refusal.limit["resets_at"].endswith("Z")


def test_credit_waits_for_the_confirmed_address():
    made = house("Una", plan="free")
    serve_all_models()
    key, secret = made.key()
    made.organization.confirmed_at = None
    made.organization.save()
    assert "Confirm your e-mail" in refused(ask(key, secret)).message


def test_the_output_cap_is_lowered_only_where_the_client_named_none(alice):
    key, secret = alice.key()
    grants.ensure_monthly(alice.organization.pk)
    CreditGrant.objects.update(amount=1_000_000)
    assert refused(ask(key, secret, max_tokens=4000)).kind == "insufficient_quota"
    made = admitted(ask(key, secret, max_tokens=None))
    assert made.output_lowered
    assert made.output_cap == (1_000_000 * 1000 - 10 * 270_000) // 1_100_000


def test_what_is_asked_above_the_models_maximum_is_lowered_to_it(alice):
    assert admitted(ask(*alice.key(), max_tokens=20_000)).output_cap == 8192


def test_input_and_requested_output_must_fit_the_context(alice):
    key, secret = alice.key()
    assert refused(ask(key, secret, max_tokens=32_768)).context == 32_768
    assert admitted(ask(key, secret, input_tokens=32_000, max_tokens=768))
    assert refused(ask(key, secret, input_tokens=32_000, max_tokens=769)).kind == "context_length_exceeded"


def test_grants_burn_by_priority_then_expiry_then_free_before_paid(alice):
    key, secret = alice.key()
    soon = timezone.now() + timedelta(days=1)
    plan = grants.ensure_monthly(alice.organization.pk)
    CreditGrant.objects.filter(pk=plan.pk).update(amount=1)
    paid = grants.give(alice.organization, NANO, "payment")
    free = grants.give(alice.organization, 2)
    expiring = grants.give(alice.organization, 3, expires_at=soon)
    legs = admitted(ask(key, secret)).legs
    assert [leg.grant_id for leg in legs] == [plan.pk, expiring.pk, free.pk, paid.pk]
    assert [leg.amount for leg in legs] == [1, 3, 2, 57_694]


def test_prices_are_pinned_and_the_most_special_one_applies(alice):
    key, secret = alice.key()
    model = LanguageModel.objects.get(name="deepseek-chat")
    Price.objects.create(
        model=model,
        token_class="output",
        scope=PriceScope.ORGANIZATION,
        organization=alice.organization,
        unit_price=1,
        effective_from=timezone.now() - timedelta(days=1),
    )
    Price.objects.create(model=model, token_class="output", unit_price=9, effective_from=timezone.now())
    assert admitted(ask(key, secret)).prices.output == 1
    bob = house("Bob")
    assert admitted(ask(*bob.key())).prices.output == 9


def test_a_model_without_a_price_is_refused_and_free_is_an_explicit_zero(alice):
    key, secret = alice.key()
    model = LanguageModel.objects.get(name="deepseek-math")
    Price.objects.filter(model=model, token_class="output").delete()
    assert refused(ask(key, secret, model=model.name)).kind == "no_price"
    Price.objects.filter(model=model).update(unit_price=0)
    Price.objects.create(model=model, token_class="output", unit_price=0)
    CreditGrant.objects.update(amount=0)
    assert admitted(ask(key, secret, model=model.name)).amount == 0


def test_the_playgrounds_key_opens_only_with_a_session(alice):
    playground = keys.playground_key(alice.project)
    made = admitted(ask(playground, "", secret_hash=None, user_id=alice.owner.pk))
    assert made.user_id == alice.owner.pk
    ordinary, _ = alice.key()
    assert refused(ask(ordinary, "", secret_hash=None)).kind == "invalid_key"


def test_a_model_is_answered_until_the_moment_in_which_it_is_retired(alice, monkeypatch):
    key, secret = alice.key()
    ends = timezone.now() + timedelta(days=2)
    LanguageModel.objects.filter(name="deepseek-chat").update(retired_at=ends)
    assert admitted(ask(key, secret))
    # What the process remembers of the catalog is the same, and still it ends in time.
    monkeypatch.setattr(timezone, "now", lambda: ends)
    assert refused(ask(key, secret)).kind == "model_not_found"


def test_a_provider_that_was_sealed_with_another_key_is_left_out_and_named(alice, caplog):
    key, secret = alice.key()
    asked = ask(key, secret)
    others = [target.provider_name for target in admitted(asked).targets]
    sealed = sealing.seal("its-key", "the ENCRYPTION_KEY of before", "provider:acme")
    acme = Provider.objects.create(name="acme", base_url="http://127.0.0.1:9/v1", sealed_secret=sealed)
    model = LanguageModel.objects.get(name=asked.model)
    Route.objects.create(model=model, provider=acme, upstream_model="theirs", position=1)
    assert [target.provider_name for target in admitted(asked).targets] == others
    assert "provider acme is not asked for theirs: its key was stored with another ENCRYPTION_KEY" in caplog.text
    assert "its-key" not in caplog.text
    providers.connect("acme", acme.base_url, "its-key")
    assert [target.provider_name for target in admitted(asked).targets] == ["acme", *others]
