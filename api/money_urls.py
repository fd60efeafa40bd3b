"""URLs under /api/ of usage and money."""

from django.urls import path

from api import balance, catalog, costs, exports, ids, ledger, limits, plans, redemptions, refusals, requests, webhooks
from api.providers import Providers
from api.status import Status
from api.usage import Usage

for name, prefix in (("limit_id", "lim"), ("webhook_id", "we"), ("delivery_id", "dlv")):
    ids.register(name, prefix)

_WEBHOOK = "v1/webhooks/<webhook_id:webhook_id>"
_DELIVERY = f"{_WEBHOOK}/deliveries/<delivery_id:delivery_id>"

urlpatterns = [
    path("v1/usage", Usage.as_view(), name="api-usage"),
    path("v1/costs", costs.Costs.as_view(), name="api-costs"),
    path("v1/requests", requests.Requests.as_view(), name="api-requests"),
    path("v1/requests/<str:request_id>", requests.OneRequest.as_view(), name="api-request"),
    path("v1/requests/<str:request_id>/price", requests.Price.as_view(), name="api-request-price"),
    path("v1/limits", limits.Limits.as_view(), name="api-limits"),
    path("v1/limits/<limit_id:limit_id>", limits.Limit.as_view(), name="api-limit"),
    path("v1/alerts", limits.Alerts.as_view(), name="api-alerts"),
    path("v1/webhooks", webhooks.Webhooks.as_view(), name="api-webhooks"),
    path(_WEBHOOK, webhooks.Webhook.as_view(), name="api-webhook"),
    path(f"{_WEBHOOK}/rotate", webhooks.Rotate.as_view(), name="api-webhook-rotate"),
    path(f"{_WEBHOOK}/test", webhooks.Test.as_view(), name="api-webhook-test"),
    path(f"{_WEBHOOK}/deliveries", webhooks.Deliveries.as_view(), name="api-deliveries"),
    path(_DELIVERY, webhooks.OneDelivery.as_view(), name="api-delivery"),
    path(f"{_DELIVERY}/replay", webhooks.Replay.as_view(), name="api-delivery-replay"),
    path("v1/balance", balance.Balance.as_view(), name="api-balance"),
    path("v1/grants", balance.Grants.as_view(), name="api-grants"),
    path("v1/redemptions", redemptions.Redemptions.as_view(), name="api-redemptions"),
    path("v1/plans", plans.Plans.as_view(), name="api-plans"),
    path("v1/plans/current", plans.CurrentPlan.as_view(), name="api-plan-current"),
    path("v1/ledger", ledger.Ledger.as_view(), name="api-ledger"),
    path("v1/ledger/entries", ledger.Entries.as_view(), name="api-ledger-entries"),
    path("v1/refusals", refusals.Refusals.as_view(), name="api-refusals"),
    path("v1/refusals/counts", refusals.Counts.as_view(), name="api-refusal-counts"),
    path("v1/models", catalog.Models.as_view(), name="api-models"),
    path("v1/models/<path:name>", catalog.Model.as_view(), name="api-model"),
    path("v1/prices", catalog.Prices.as_view(), name="api-prices"),
    path("v1/providers", Providers.as_view(), name="api-providers"),
    path("v1/status", Status.as_view(), name="api-status"),
    path("v1/exports/usage", exports.UsageExport.as_view(), name="api-export-usage"),
    path("v1/exports/requests", exports.RequestExport.as_view(), name="api-export-requests"),
    path("v1/exports/ledger", exports.LedgerExport.as_view(), name="api-export-ledger"),
]
