"""Settings, Notifications: which messages of the organization come by e-mail, and where else they go."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from accounts import members
from accounts.roles import Permission
from billing import mails, recipients
from billing.models import EventType
from dashboard.access import Desk, member, refuse

_OF_KEYS = gettext_lazy("To owners, and to whoever created the key.")
# What to know about an event besides its name.
_HINTS = {
    EventType.LIMIT_THRESHOLD_REACHED: gettext_lazy("At the thresholds of each limit, once in every window."),
    EventType.LIMIT_REACHED: gettext_lazy("Requests are refused with 402 from then on, unless the limit only tells."),
    EventType.BALANCE_LOW: gettext_lazy(
        "Less than a tenth of the credit in force, unless the operator set another part; once until there is more."
    ),
    EventType.KEY_CREATED: _OF_KEYS,
    EventType.KEY_REGENERATED: _OF_KEYS,
    EventType.KEY_REVOKED: _OF_KEYS,
    EventType.PROVIDER_DOWN: gettext_lazy("For models that were asked in the last day; once an outage."),
    EventType.PROVIDER_UP: gettext_lazy("The outage that was told has ended."),
    EventType.WEBHOOK_DISABLED: gettext_lazy("It failed for five days, or said that it is gone."),
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One type of message; `endpoints`: how many webhooks get it."""

    type: str
    name: str
    hint: str
    has_mail: bool
    is_mailed: bool
    endpoints: int


@never_cache
@member()
def notifications(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page, and its one form."""
    offered = {type_ for type_ in mails.types() if recipients.may_be_told(desk.membership.role, type_)}
    if request.method == "POST":
        if not offered:
            return refuse(request, desk, Permission.MANAGE_MONEY)
        wanted = set(request.POST.getlist("mail"))
        # What another role was told and this one is not stays as it was chosen then.
        muted = (set(desk.membership.muted_mails) - offered) | (offered - wanted)
        members.mute_mails(desk.membership, muted, desk.actor(request))
        messages.success(request, _("Changes saved."))
        return redirect("dashboard:settings-notifications")
    context = {"rows": _rows(desk, offered), "is_told": bool(offered)}
    return render(request, "dashboard/settings_notifications.html", context)


def _rows(desk: Desk, offered: set[str]) -> list[EventRow]:
    muted = desk.membership.muted_mails
    return [
        EventRow(
            type=type_.value,
            name=str(type_.label),
            hint=str(_HINTS.get(type_, "")),
            has_mail=type_ in offered,
            is_mailed=type_ not in muted,
            endpoints=len(recipients.by_webhook(desk.organization, type_)),
        )
        for type_ in EventType
    ]
