"""The tables of billing, one noun a file."""

from billing.models.grant import CreditGrant, GrantKind
from billing.models.hold import Hold, HoldState, MeteringProcess
from billing.models.ledger import Account, LedgerEntry
from billing.models.subscription import Subscription

__all__ = [
    "Account",
    "CreditGrant",
    "GrantKind",
    "Hold",
    "HoldState",
    "LedgerEntry",
    "MeteringProcess",
    "Subscription",
]
