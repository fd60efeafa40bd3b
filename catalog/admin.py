"""What operators sell: models, prices, plans, and who serves them. A price is never edited: the next row ends it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from catalog import prices, providers
from catalog.models import CatalogRevision, LanguageModel, Plan, Price, PriceScope, Provider, Route, TokenClass
from foundation.facts_admin import FactsAdmin, KeptAdmin
from foundation.usd_admin import UsdField, UsdPerMillionField, usd, usd_per_million


class RoutesOfModel(admin.TabularInline):
    model = Route
    extra = 0
    fields = ("provider", "upstream_model", "position", "enabled")


@admin.register(LanguageModel)
class LanguageModelAdmin(KeptAdmin):
    """A model on sale; from `retired_at` on it is off, past usage keeps its name."""

    list_display = (
        "name", "owned_by", "context_length", "max_output", "vocabulary", "position", "retired_at", "successor",
    )  # fmt: skip
    list_filter = ("owned_by", "vocabulary", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "description")
    inlines = (RoutesOfModel,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keys and usage know a model by its name."""
        return ("name", "created_at") if obj else ("created_at",)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        _let_real_providers_answer(formset)


class PriceForm(forms.ModelForm):
    unit_price = UsdPerMillionField(label="USD per 1M tokens", help_text="Such as 0.27; 0 is free.")

    class Meta:
        model = Price
        fields = ("model", "token_class", "scope", "plan", "organization", "unit_price", "effective_from")


@admin.register(Price)
class PriceAdmin(FactsAdmin):
    """A new price is a new row; rows are never changed, so that what was charged stays explained."""

    form = PriceForm
    list_display = (
        "model", "token_class", "scope", "plan", "organization", usd_per_million("unit_price", "price"),
        "effective_from", "created_by",
    )  # fmt: skip
    list_filter = ("model", "token_class", "scope", "plan")
    list_select_related = ("model", "plan", "organization", "created_by")
    search_fields = ("model__name", "organization__name", "organization__public_id")
    autocomplete_fields = ("organization",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.add_price")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return PriceForm.Meta.fields
        return (
            "model", "token_class", "scope", "plan", "organization", usd_per_million("unit_price", "price"),
            "effective_from", "created_by", "created_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        if obj.scope == PriceScope.EVERYBODY:
            made = prices.set_price(obj.model, TokenClass(obj.token_class), obj.unit_price, obj.effective_from)
            obj.pk = made.pk
            if made.created_by_id is None:
                Price.objects.filter(pk=made.pk).update(created_by=request.user)
            obj.refresh_from_db()
        else:
            obj.created_by = request.user  # type: ignore[assignment]
            obj.save()


class PlanForm(forms.ModelForm):
    monthly_credit = UsdField(label="Monthly credit, USD", help_text="Granted at each start of a month; 0 for none.")

    class Meta:
        model = Plan
        fields = (
            "code", "name", "description", "requests_per_minute", "monthly_credit", "by_agreement", "is_default",
            "position",
        )  # fmt: skip


@admin.register(Plan)
class PlanAdmin(KeptAdmin):
    form = PlanForm
    list_display = (
        "name", "code", "requests_per_minute", usd("monthly_credit", "monthly credit"), "by_agreement", "is_default",
        "position",
    )  # fmt: skip
    list_filter = ("by_agreement", "is_default")
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """This month's grants are known by the plan's code."""
        return ("code",) if obj else ()


class ProviderForm(forms.ModelForm):
    secret = forms.CharField(
        required=False,
        max_length=2000,
        label="Provider's key",
        help_text="Stored encrypted and never shown again. Empty: the stored one is kept.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Provider
        fields = ("name", "base_url", "secret", "enabled")
        widgets = {"base_url": forms.TextInput(attrs={"class": "vURLField"})}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name == providers.DEMO_NAME:
            raise forms.ValidationError("This name is the built-in provider's; choose another one.")
        return name

    def clean_base_url(self) -> str:
        try:
            return providers.normal_base_url(self.cleaned_data["base_url"])
        except ValidationError as error:
            raise forms.ValidationError(error.messages) from error

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if secret and not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise forms.ValidationError("The key has spaces or special characters; it could not be sent as a header.")
        return secret


class RoutesOfProvider(admin.TabularInline):
    model = Route
    extra = 0
    fields = ("model", "upstream_model", "position", "enabled")


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    form = ProviderForm
    list_display = ("name", "base_url", "has_key", "enabled", "is_demo", "created_at")
    list_filter = ("enabled", "is_demo")
    search_fields = ("name", "base_url")
    inlines = (RoutesOfProvider,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Usage names who answered: a provider is switched off instead."""
        return False

    @admin.display(description="key set", boolean=True)
    def has_key(self, provider: Provider) -> bool:
        return bool(provider.sealed_secret)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The secret is sealed for the name; the demo's address is its listener's."""
        if obj is None:
            return ()
        return ("name", "has_key", "base_url") if obj.is_demo else ("name", "has_key")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "base_url", "secret", "enabled")
        return ("name", "base_url", "has_key", "enabled") if obj.is_demo else (
            "name", "base_url", "has_key", "secret", "enabled",
        )  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        enabled = obj.enabled
        stored = providers.connect(obj.name, obj.base_url, form.cleaned_data.get("secret", ""), is_demo=obj.is_demo)
        if not enabled:
            Provider.objects.filter(pk=stored.pk).update(enabled=False)
        obj.pk = stored.pk
        obj.refresh_from_db()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        _let_real_providers_answer(formset)


@admin.register(Route)
class RouteAdmin(FactsAdmin):
    """Routes are edited at their model or provider."""

    list_display = ("model", "provider", "upstream_model", "position", "enabled")
    list_filter = ("enabled", "provider")
    list_select_related = ("model", "provider")
    search_fields = ("model__name", "provider__name", "upstream_model")


def _let_real_providers_answer(formset: Any) -> None:
    for route in [*formset.new_objects, *(changed for changed, _ in formset.changed_objects)]:
        if isinstance(route, Route) and route.enabled:
            providers.replace_demo(route)


@admin.register(CatalogRevision)
class CatalogRevisionAdmin(FactsAdmin):
    """Another number after every change of the catalog: what a process remembers of it is then read again."""

    list_display = ("id", "number")
    list_filter = ("id",)
    search_fields = ("=number",)
