"""What operators see of billing: facts are read-only; credit is given by the room's verb."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.admin import actor
from billing import codes_admin as codes_admin
from billing import exports_admin as exports_admin
from billing import grants
from billing import health_admin as health_admin
from billing import ingestion_admin as ingestion_admin
from billing import limits_admin as limits_admin
from billing import messages_admin as messages_admin
from billing import proofs_admin as proofs_admin
from billing.models import CreditGrant, GrantKind, Hold, LedgerEntry, MeteringProcess, Subscription
from foundation.facts_admin import FactsAdmin, KeptAdmin
from foundation.usd_admin import UsdField, usd, usd_per_million


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    amount = UsdField(label="Amount, USD", help_text="Exact, such as 12.50.")

    class Meta:
        model = CreditGrant
        fields = ("organization", "kind", "amount", "starts_at", "expires_at", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"].choices = [  # type: ignore[attr-defined]
                (kind.value, kind.label) for kind in (GrantKind.OPERATOR, GrantKind.PAYMENT)
            ]

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError("A grant is a positive amount.")
        return amount

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        expires_at = self.cleaned_data.get("expires_at")
        if expires_at and expires_at <= max(timezone.now(), self.cleaned_data.get("starts_at") or timezone.now()):
            self.add_error("expires_at", "The credit must expire after it starts, and not in the past.")
        return cleaned


@admin.register(CreditGrant)
class CreditGrantAdmin(FactsAdmin):
    """Credit can be given; what was given never changes."""

    form = GrantForm
    list_display = (
        "source", "organization", "kind", "is_paid", usd("amount", "amount"), usd("burned", "burned"),
        usd("held", "held"), "starts_at", "expires_at",
    )  # fmt: skip
    list_filter = ("kind", "is_paid", ("expires_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = ("source", "note", "organization__name", "organization__public_id")
    autocomplete_fields = ("organization",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.add_creditgrant")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return GrantForm.Meta.fields
        return (
            "organization", "kind", "is_paid", "source", usd("amount", "amount"), usd("burned", "burned"),
            usd("held", "held"), "priority", "starts_at", "expires_at", "note", "created_by", "created_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: CreditGrant, form: Any, change: bool) -> None:
        given = grants.give(
            obj.organization,
            obj.amount,
            GrantKind(obj.kind),
            actor(request),
            note=obj.note,
            starts_at=obj.starts_at,
            expires_at=obj.expires_at,
        )
        assert given is not None
        obj.pk = given.pk
        obj.refresh_from_db()


@admin.register(Hold)
class HoldAdmin(FactsAdmin):
    list_display = (
        "request_id", "state", "organization", "project", "api_key", "model", usd("amount", "amount"), "admitted_at",
        "lease_until",
    )  # fmt: skip
    list_filter = ("state", "stream")
    list_select_related = ("organization", "project", "api_key")
    search_fields = ("=request_id", "=api_key__public_id", "=organization__public_id")
    search_help_text = "A request id, or the id of a key or organization."
    readonly_fields: ClassVar[Any] = (
        usd("amount", "amount"),
        usd_per_million("input_price", "input price"),
        usd_per_million("cached_input_price", "cached input price"),
        usd_per_million("output_price", "output price"),
    )
    exclude = ("amount", "input_price", "cached_input_price", "output_price")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(FactsAdmin):
    list_display = ("at", "transaction", "account", "organization", usd("amount", "amount"), "grant_id", "event_id")
    list_filter = ("account",)
    list_select_related = ("organization",)
    search_fields = ("=transaction", "=organization__public_id", "organization__name")
    readonly_fields: ClassVar[Any] = (usd("amount", "amount"),)
    exclude = ("amount",)


@admin.register(MeteringProcess)
class MeteringProcessAdmin(FactsAdmin):
    list_display = ("id", "host", "started_at")
    list_filter = ("started_at",)
    search_fields = ("host",)


@admin.register(Subscription)
class SubscriptionAdmin(KeptAdmin):
    """An organization's plan and agreed rate; they hold from its next request on."""

    list_display = ("organization", "plan", "requests_per_minute", "started_at")
    list_filter = ("plan",)
    list_select_related = ("organization", "plan")
    search_fields = ("organization__name", "organization__public_id")
    autocomplete_fields = ("organization",)
    readonly_fields = ("started_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Every organization opens with one."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "organization")

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            changes = {"plan": obj.plan.code, "requests_per_minute": obj.requests_per_minute}
            audit.record("subscription.changed", obj, actor(request), changes=changes)
