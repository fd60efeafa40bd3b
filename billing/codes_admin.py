"""What operators see of redemption codes: they create and void them; a new code is shown in one answer only."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin import actor
from billing import codes
from billing.codes import Terms
from billing.messages_admin import WithVerbs
from billing.models import Redemption, RedemptionCode
from foundation.facts_admin import FactsAdmin
from foundation.usd_admin import UsdField, usd


class CodeForm(forms.ModelForm):  # type: ignore[type-arg]
    amount = UsdField(label="Amount, USD", help_text="Credit of one redemption, exact, such as 12.50.")
    max_redemptions = forms.IntegerField(label="Organizations that may redeem it", initial=1)

    class Meta:
        model = RedemptionCode
        fields = ("amount", "max_redemptions", "expires_at", "valid_days", "note")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            try:
                codes.check(self.terms())
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned

    def terms(self) -> Terms:
        """What the code gives."""
        data = self.cleaned_data
        return Terms(data["amount"], data["max_redemptions"], data["expires_at"], data["valid_days"], data["note"])


@admin.register(RedemptionCode)
class RedemptionCodeAdmin(WithVerbs):
    form = CodeForm
    list_display = (
        "hint", "public_id", usd("amount", "amount"), "redeemed", "max_redemptions", "expires_at", "valid_days",
        "voided_at", "note", "created_by",
    )  # fmt: skip
    list_filter = (("voided_at", admin.EmptyFieldListFilter), ("expires_at", admin.EmptyFieldListFilter))
    list_select_related = ("created_by",)
    search_fields = ("=public_id", "=hint", "note")
    search_help_text = "The first four characters, the id or the note."
    actions = ("void",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.add_redemptioncode")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return CodeForm.Meta.fields
        return (
            "public_id", "hint", usd("amount", "amount"), "redeemed", "max_redemptions", "expires_at", "valid_days",
            "note", "created_at", "created_by", "voided_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: RedemptionCode, form: Any, change: bool) -> None:
        issued = codes.create(form.terms(), actor(request))
        obj.pk = issued.code.pk
        obj.refresh_from_db()
        # The answer to this very request shows it; nothing keeps it.
        obj.text = issued.text  # type: ignore[attr-defined]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """One button: a code is not edited after it was made."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Code created",
            "opts": self.opts,
            "code": obj,
            "text": obj.text,
        }
        response = TemplateResponse(request, "admin/billing/redemptioncode/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Void: nobody can redeem it any more", permissions=["act"])
    def void(self, request: HttpRequest, queryset: QuerySet[RedemptionCode]) -> None:
        self.each(request, queryset, codes.void)


@admin.register(Redemption)
class RedemptionAdmin(FactsAdmin):
    list_display = ("created_at", "code", "organization", "user", "grant")
    list_select_related = ("code", "organization", "user", "grant__organization")
    search_fields = ("=code__public_id", "=organization__public_id", "organization__name")
