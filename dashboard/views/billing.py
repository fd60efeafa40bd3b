"""Billing: the balance, the credit and its order of use, redeeming a code, the history and the plan."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Permission
from billing import balances, codes, grants, statement
from dashboard import billing_export, billing_report
from dashboard.access import Desk, member
from dashboard.billing_forms import RedeemForm
from dashboard.form_errors import add_errors
from dashboard.limit_words import until
from dashboard.templatetags.console import usd
from foundation.consistent_read import one_moment


@never_cache
@require_safe
@member(Permission.MANAGE_MONEY)
def billing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page."""
    return _page(request, desk, RedeemForm())


@never_cache
@member(Permission.MANAGE_MONEY)
def redeem(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Credit for a code; what was typed stays when it is refused."""
    if request.method != "POST":
        return redirect("dashboard:billing")
    form = RedeemForm(request.POST)
    if form.is_valid():
        try:
            grant = codes.redeem(desk.organization, form.cleaned_data["code"], desk.actor(request))
        except ValidationError as error:
            add_errors(form, ValidationError({"code": error}))
        else:
            said = _("%(amount)s was added to the balance.") % {"amount": usd(grant.amount)}
            if grant.expires_at:
                ends = until(grant.expires_at, desk.organization.zone)
                ending = _("What is left of it ends on %(ends)s.") % {"ends": ends}
                said = f"{said} {ending}"
            messages.success(request, said)
            return redirect("dashboard:billing")
    return _page(request, desk, form)


def _page(request: HttpRequest, desk: Desk, form: RedeemForm) -> HttpResponse:
    now, organization = timezone.now(), desk.organization
    first = billing_report.month_named(organization, request.GET.get("month", ""), now)
    if first is None:
        raise Http404
    grants.ensure_monthly(organization.pk, now)
    # The balance, the credit that it is made of and the last line of the history are one figure.
    with one_moment():
        balance = billing_report.balance(organization, now)
        live, past = billing_report.grants_of(organization, now)
        context = {
            "form": form,
            "report_balance": balance,
            "owed": balances.owed(organization.pk),
            "spent": billing_report.spent(organization, now),
            "grants": live,
            "granted_until": billing_report.granted_until(live),
            "past": past,
            "month": billing_report.month(organization, first, now),
            "month_query": f"?month={first:%Y-%m}",
            "plan": billing_report.plan_of(organization),
            "zone": organization.zone,
        }
    return render(request, "dashboard/billing.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
@member(Permission.MANAGE_MONEY)
def export(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The same month as CSV."""
    now, organization = timezone.now(), desk.organization
    first = billing_report.month_named(organization, request.GET.get("month", ""), now)
    if first is None:
        raise Http404
    last = billing_report.last_day(first)
    return billing_export.response(organization, statement.read(organization, first, last, now))
