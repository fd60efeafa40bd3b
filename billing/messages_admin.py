"""What operators see of messages: what was to be told, to whom, and what came of it. Nobody edits it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import actor
from billing import webhooks
from billing.models import Delivery, DeliveryAttempt, OutboxMessage, WebhookEndpoint
from foundation.facts_admin import FactsAdmin


class WithVerbs(FactsAdmin):
    """Rows change by the room's verbs alone, offered to whoever may change the model."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def each(self, request: HttpRequest, queryset: QuerySet[Any], verb: Any) -> None:
        for row in queryset:
            try:
                verb(row, actor(request))
            except ValidationError as error:
                messages.error(request, f"{row}: {' '.join(error.messages)}")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(FactsAdmin):
    list_display = ("created_at", "type", "organization", "public_id", "dispatched_at")
    list_filter = ("type", ("dispatched_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = ("=public_id", "=organization__public_id", "organization__name")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(WithVerbs):
    """Operators switch endpoints off and on; organizations make them."""

    list_display = ("__str__", "public_id", "organization", "disabled_at", "disabled_reason", "failing_since")
    list_filter = (
        ("disabled_at", admin.EmptyFieldListFilter),
        ("removed_at", admin.EmptyFieldListFilter),
        "disabled_reason",
    )
    list_select_related = ("organization",)
    search_fields = ("=public_id", "url", "description", "=organization__public_id", "organization__name")
    fields = (
        "public_id", "organization", "shown_url", "description", "types", "previous_ends_at", "created_at",
        "created_by", "disabled_at", "disabled_reason", "failing_since", "removed_at",
    )  # fmt: skip
    readonly_fields = ("shown_url",)
    actions = ("switch_off", "switch_on")

    @admin.action(description="Switch off", permissions=["act"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        self.each(request, queryset, lambda row, by: webhooks.change(row, by, enabled=False))

    @admin.action(description="Switch on", permissions=["act"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        self.each(request, queryset, lambda row, by: webhooks.change(row, by, enabled=True))


@admin.register(Delivery)
class DeliveryAdmin(WithVerbs):
    list_display = (
        "created_at", "message", "kind", "recipient", "state", "attempts", "next_attempt_at", "last_status",
        "last_error",
    )  # fmt: skip
    list_filter = ("state", "kind", "message__type")
    list_select_related = ("message", "endpoint")
    search_fields = ("=public_id", "=message__public_id", "=endpoint__public_id", "address")
    actions = ("replay",)

    @admin.display(description="to")
    def recipient(self, delivery: Delivery) -> str:
        return delivery.address or str(delivery.endpoint)

    @admin.action(description="Send again", permissions=["act"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        self.each(request, queryset, webhooks.replay)


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(FactsAdmin):
    list_display = ("at", "delivery", "number", "succeeded", "status", "error", "duration_ms")
    list_filter = ("succeeded", "status")
    list_select_related = ("delivery__endpoint",)
    search_fields = ("=delivery__public_id", "error")
