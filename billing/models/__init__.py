"""The tables of billing, one noun a file."""

from billing.models.adjustment import Adjustment
from billing.models.alert import Alert, AlertReason
from billing.models.code import Redemption, RedemptionCode
from billing.models.delivery import Delivery, DeliveryAttempt, DeliveryKind, DeliveryState
from billing.models.export import ExportContent, ExportFile, ExportFormat, ExportPlace, ExportState, ScheduledExport
from billing.models.file_import import FileImport
from billing.models.grant import CreditGrant, GrantKind
from billing.models.health import HouseDay, ModelDay
from billing.models.hold import Hold, HoldState, MeteringProcess
from billing.models.ingestion import Correction, IngestionBatch, LateUsage
from billing.models.ledger import Account, LedgerEntry
from billing.models.limit import Measure, SpendingLimit, SpendingWindow, Window
from billing.models.outbox import OutboxMessage
from billing.models.provider_health import ProviderHealth
from billing.models.refusal import RefusalCount, RefusedRequest
from billing.models.seal import NO_SEAL, DaySeal
from billing.models.subscription import Subscription
from billing.models.watch import AuditPosition, LowBalance
from billing.models.webhook import DisabledReason, EventType, WebhookEndpoint

__all__ = [
    "NO_SEAL",
    "Account",
    "Adjustment",
    "Alert",
    "AlertReason",
    "AuditPosition",
    "Correction",
    "CreditGrant",
    "DaySeal",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryKind",
    "DeliveryState",
    "DisabledReason",
    "EventType",
    "ExportContent",
    "ExportFile",
    "ExportFormat",
    "ExportPlace",
    "ExportState",
    "FileImport",
    "GrantKind",
    "Hold",
    "HoldState",
    "HouseDay",
    "IngestionBatch",
    "LateUsage",
    "LedgerEntry",
    "LowBalance",
    "Measure",
    "MeteringProcess",
    "ModelDay",
    "OutboxMessage",
    "ProviderHealth",
    "Redemption",
    "RedemptionCode",
    "RefusalCount",
    "RefusedRequest",
    "ScheduledExport",
    "SpendingLimit",
    "SpendingWindow",
    "Subscription",
    "WebhookEndpoint",
    "Window",
]
