"""Redemption codes: create, redeem, void. A code is redeemed at most as often as it says, by each organization once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit
from accounts.actor import SYSTEM, Actor
from accounts.models import AuditEntry, Organization
from billing import code_text, grants
from billing.models import CreditGrant, GrantKind, Redemption, RedemptionCode
from foundation.money import LARGEST, usd_string
from foundation.secrets import fingerprint

_MOST_USES = 1_000_000
_MOST_DAYS = 3660
# Well-formed codes that do not exist: a person types none of them, a guesser nothing else.
GUESSES = 10
_GUESSES_WITHIN = timedelta(hours=1)
_MISSED = "code.not_found"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new code with its text, which is stored nowhere."""

    code: RedemptionCode
    text: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a code gives. `amount`: nano-USD to each organization; `valid_days`: how long that credit lasts."""

    amount: int
    uses: int = 1
    expires_at: datetime | None = None
    valid_days: int | None = None
    note: str = ""


def create(terms: Terms, by: Actor = SYSTEM) -> Issued:
    """A new code; its text can be shown now and never again. Raises ValidationError with a message per field."""
    check(terms)
    text = code_text.new_code()
    with transaction.atomic():
        code = RedemptionCode.objects.create(
            fingerprint=_hash_of(text),
            hint=text[:4],
            amount=terms.amount,
            max_redemptions=terms.uses,
            expires_at=terms.expires_at,
            valid_days=terms.valid_days,
            note=terms.note,
            created_by=by.user,
        )
        changes = {"amount": usd_string(terms.amount), "uses": terms.uses}
        audit.record("code.created", code, by, changes=changes)
    return Issued(code, text)


def redeem(organization: Organization, text: str, by: Actor, now: datetime | None = None) -> CreditGrant:
    """Credit for a code, once an organization. Raises ValidationError that says what is wrong with the code.

    Its `code` is one of mistyped, too_many, unknown, expired, used_up, already.
    """
    now = now or timezone.now()
    if code_text.normal(text) is None:
        raise _refusal("mistyped")
    with transaction.atomic():
        # One at a time for each organization, so that tries are counted and a code is taken once.
        Organization.objects.select_for_update().get(pk=organization.pk)
        outcome = _redeem(organization, text, by, now)
    # Raised outside: a try that failed stays counted.
    if isinstance(outcome, str):
        raise _refusal(outcome)
    return outcome


def note_wrong_try(organization: Organization, by: Actor) -> None:
    """Count a well-formed code that does not exist; for who undoes the transaction in which `redeem` counted it."""
    audit.record(_MISSED, organization, by, organization=organization)


def void(code: RedemptionCode, by: Actor) -> None:
    """Nobody can redeem it any more; credit that it gave stays."""
    with transaction.atomic():
        if RedemptionCode.objects.filter(pk=code.pk, voided_at=None).update(voided_at=timezone.now()):
            audit.record("code.voided", code, by)


def _redeem(organization: Organization, text: str, by: Actor, now: datetime) -> CreditGrant | str:
    if _tries(organization, by, now) >= GUESSES:
        return "too_many"
    code = RedemptionCode.objects.filter(fingerprint=_hash_of(text)).first()
    if code is None:
        note_wrong_try(organization, by)
        return "unknown"
    if Redemption.objects.filter(code=code, organization=organization).exists():
        return "already"
    open_still = Q(expires_at=None) | Q(expires_at__gt=now)
    taken = RedemptionCode.objects.filter(
        open_still, pk=code.pk, voided_at=None, redeemed__lt=F("max_redemptions")
    ).update(redeemed=F("redeemed") + 1)
    if not taken:
        ended = code.voided_at or (code.expires_at and code.expires_at <= now)
        return "expired" if ended else "used_up"
    return _give(code, organization, by, now)


def _give(code: RedemptionCode, organization: Organization, by: Actor, now: datetime) -> CreditGrant:
    expires_at = now + timedelta(days=code.valid_days) if code.valid_days else None
    source, note = f"code:{code.public_id}", f"Code {code}"
    grant = grants.give(
        organization, code.amount, GrantKind.CODE, by, source=source, note=note, expires_at=expires_at, at=now
    )
    assert grant is not None
    Redemption.objects.create(code=code, organization=organization, user=by.user, grant=grant, created_at=now)
    audit.record("code.redeemed", code, by, organization=organization, changes={"amount": usd_string(code.amount)})
    return grant


def _tries(organization: Organization, by: Actor, now: datetime) -> int:
    """Recent wrong tries of the organization, and of the person in any organization."""
    who = Q(organization=organization)
    if by.user:
        who |= Q(actor=by.user)
    return AuditEntry.objects.filter(who, action=_MISSED, at__gt=now - _GUESSES_WITHIN).count()


def check(terms: Terms) -> None:
    """Raises ValidationError with a message per field."""
    errors: dict[str, str] = {}
    if not 0 < terms.amount <= LARGEST:
        errors["amount"] = gettext("The amount must be above zero and below 9.2 billion USD.")
    if not 1 <= terms.uses <= _MOST_USES:
        errors["max_redemptions"] = gettext("A code can be redeemed once to %(most_uses)s times.") % {
            "most_uses": f"{_MOST_USES:,}"
        }
    if terms.valid_days is not None and not 1 <= terms.valid_days <= _MOST_DAYS:
        errors["valid_days"] = gettext("The credit lasts 1 to %(most_days)s days, or for ever.") % {
            "most_days": f"{_MOST_DAYS:,}"
        }
    if terms.expires_at is not None and terms.expires_at <= timezone.now():
        errors["expires_at"] = gettext("The code must expire in the future.")
    if len(terms.note) > 200:
        errors["note"] = gettext("A note has at most 200 characters.")
    if errors:
        raise ValidationError(errors)


_SAID = {
    "mistyped": "This is not a code: check it for typing errors. A code is five groups of four letters and digits.",
    "too_many": "Too many codes that do not exist were tried. Try again in an hour.",
    "unknown": "There is no such code. Check it, or ask who gave it to you.",
    "expired": "This code has expired. Ask who gave it to you for a new one.",
    "used_up": "This code was redeemed as often as it allows. Ask who gave it to you for a new one.",
    "already": "This organization has redeemed this code already; its credit is among your grants.",
}


def _refusal(kind: str) -> ValidationError:
    return ValidationError(_SAID[kind], code=kind)


def _hash_of(text: str) -> str:
    """The stored form: a keyed hash, 64 hexadecimal digits."""
    return fingerprint(f"code:{code_text.normal(text)}", settings.KEY_PEPPER.encode()).hex()
