"""The checklist of a new organization: every tick comes from what was really done, none from a click."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from accounts.roles import Permission
from billing import balances
from billing.balances import Balance
from billing.models import RefusedRequest, SpendingLimit
from dashboard.access import Desk
from usage.models import UsageEvent

# A refusal that is older has nothing to do with what somebody tries now.
_LATELY = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    title: Any
    is_done: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    """The steps of a role, and what they rest on."""

    steps: tuple[Step, ...]
    balance: Balance | None
    keys: list[ApiKey]
    # The newest request with a key, and the newest refusal since.
    call: UsageEvent | None
    refused: RefusedRequest | None

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def is_complete(self) -> bool:
        return self.done == len(self.steps)

    @property
    def current(self) -> str:
        """The first step that is left; empty when none is."""
        return next((step.name for step in self.steps if not step.is_done), "")


def makes_keys(desk: Desk) -> bool:
    """Whether the steps of keys and calls are this person's."""
    return desk.may(Permission.MANAGE_OWN_KEYS) or desk.may(Permission.MANAGE_KEYS)


def make(desk: Desk) -> Checklist:
    """The checklist as it stands now."""
    now = timezone.now()
    keys = _keys(desk) if makes_keys(desk) else []
    call = _call(desk) if makes_keys(desk) else None
    balance = balances.balance(desk.organization.pk, now) if desk.sees_money else None
    return Checklist(
        steps=tuple(_steps(desk, keys, call, balance)),
        balance=balance,
        keys=keys,
        call=call,
        refused=_refused(desk, call, now) if makes_keys(desk) else None,
    )


def _steps(desk: Desk, keys: list[ApiKey], call: UsageEvent | None, balance: Balance | None) -> list[Step]:
    found = [Step("confirm", _("Confirm your e-mail address"), _is_confirmed(desk))]
    if balance is not None:
        found.append(Step("credit", _("Have credit"), balance.available > 0))
    if makes_keys(desk):
        found.append(Step("key", _("Create a key"), bool(keys)))
        found.append(Step("call", _("Make a call"), call is not None))
    if desk.may(Permission.MANAGE_MONEY):
        limits = SpendingLimit.objects.filter(organization=desk.organization, removed_at=None)
        found.append(Step("limit", _("Set a limit or an alert"), limits.exists()))
    found.append(Step("protect", _("Protect your account"), is_mfa_enabled(desk.user)))
    return found


def _is_confirmed(desk: Desk) -> bool:
    """The organization's, for which keys wait, and this person's."""
    waiting = EmailAddress.objects.filter(user=desk.user, primary=True, verified=False)
    return desk.organization.is_confirmed and not waiting.exists()


def _of_mine(desk: Desk) -> Q:
    """Rows of the projects that the person reaches."""
    if desk.may(Permission.SEE_USAGE):
        return Q(organization=desk.organization)
    return Q(organization=desk.organization, api_key__project__in=[project.pk for project in desk.projects()])


def _keys(desk: Desk) -> list[ApiKey]:
    """The newest keys that somebody made."""
    mine = ApiKey.objects.visible().filter(organization=desk.organization, project__in=desk.projects())
    return list(mine.select_related("project").prefetch_related("secrets")[:1])


def calls(desk: Desk) -> QuerySet[UsageEvent]:
    """Requests with a key: the playground's are none."""
    return UsageEvent.objects.filter(_of_mine(desk), api_key__is_playground=False)


def _call(desk: Desk) -> UsageEvent | None:
    return calls(desk).select_related("api_key").order_by("-occurred_at", "-id").first()


def _refused(desk: Desk, call: UsageEvent | None, now: datetime) -> RefusedRequest | None:
    since = max(call.occurred_at, now - _LATELY) if call else now - _LATELY
    refused = RefusedRequest.objects.filter(_of_mine(desk), api_key__is_playground=False, at__gt=since)
    return refused.select_related("api_key").order_by("-id").first()
