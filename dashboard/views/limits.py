"""Limits & alerts: what may be spent and how much of it is gone, who was told, what was refused, what would be."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import ApiKey, Project
from accounts.roles import Permission
from billing import alert_test, explanation, limit_list, limits, recipients
from billing.explanation import Question
from billing.limits import Subject, Terms
from billing.models import EventType, SpendingLimit
from catalog.prices import price_list
from dashboard import edits, limit_refusals, limit_rows, limit_words
from dashboard.access import Desk, member, refuse
from dashboard.docs_links import links
from dashboard.form_errors import add_errors
from dashboard.limit_forms import AddLimitForm, ChangeLimitForm, CheckForm, TermsForm
from dashboard.usage_filters import Scope


def scope_of(desk: Desk) -> Scope:
    """What the person reaches."""
    return Scope(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)


def _key(scope: Scope, public_id: str) -> ApiKey:
    """A key that is not revoked, of a project that the person reaches; anything else does not exist."""
    found: ApiKey | None = None
    if "\0" not in public_id:
        keys = scope.keys().filter(public_id=public_id, revoked_at=None)
        found = keys.select_related("project", "organization").first()
    if found is None:
        raise Http404
    return found


def _subject(scope: Scope, public_id: str) -> Subject:
    """The organization, or a project or key of it."""
    if public_id == scope.organization.public_id:
        return scope.organization
    for project in scope.projects:
        if project.public_id == public_id:
            return project
    return _key(scope, public_id)


def _limit(desk: Desk, public_id: str) -> SpendingLimit:
    found = None if "\0" in public_id else limit_list.find(scope_of(desk), public_id)
    if found is None:
        raise Http404
    return found


# ---------------------------------------------------------------- the page


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Limits, alerts, refusals, and a request that is only thought of."""
    scope, now = scope_of(desk), timezone.now()
    manages = desk.may(Permission.MANAGE_MONEY)
    if "key" in request.GET and not desk.sees_money:
        # The answer would tell what is left of the credit.
        return refuse(request, desk, Permission.SEE_MONEY)
    rows = limit_rows.rows(scope, now)
    context: dict[str, Any] = {
        "rows": rows,
        "most": limit_rows.MOST if len(rows) == limit_rows.MOST else 0,
        "monthly": limit_rows.monthly(rows),
        "manages": manages,
        "zone": desk.organization.zone.key,
        "alerts": limit_rows.alerts(scope),
        "recipients": alert_test.addresses(desk.organization) if manages else [],
        "endpoints": _endpoints(desk) if manages else 0,
        "rules": limit_rows.rules(rows),
        "support": next((link for link in links() if link.name == "support"), None),
        "rates": limit_rows.rates(scope, now),
        "refused_counts": limit_refusals.counts(scope, now),
        "refused": limit_refusals.newest(scope),
    }
    if desk.sees_money:
        context |= _check(request, scope)
    return render(request, "dashboard/limits.html", context)


def _endpoints(desk: Desk) -> int:
    """Webhook endpoints that are told of limits."""
    return len(recipients.by_webhook(desk.organization, EventType.LIMIT_REACHED))


@require_POST
@member(Permission.MANAGE_MONEY)
def test(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A test alert to everybody who would be told."""
    try:
        told = alert_test.send(desk.organization, desk.actor(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("A test is on its way to %(addresses)s.") % {"addresses": ", ".join(told)})
    return redirect("dashboard:limits")


def _check(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    """The form, and what admission says of the request that it describes; nothing is held or spent."""
    asked = request.GET if "key" in request.GET else None
    chosen = _key(scope, request.GET["key"]) if asked and asked["key"] else None
    models = list(dict.fromkeys(listed.model.name for listed in price_list()))
    form = CheckForm(asked, scope=scope, models=models, chosen=chosen)
    answer = None
    if asked is not None and form.is_valid():
        data = form.cleaned_data
        question = Question(data["model"], data["input_tokens"], data["max_tokens"], key_id=form.key_chosen().pk)
        answer = explanation.explain(question)
    return {"check": form, "can_check": bool(form.found and models), "answer": answer}


# ---------------------------------------------------------------- set, change, remove


@member(Permission.MANAGE_MONEY)
def add(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A limit where there is none of this kind; sent twice, it is set once."""
    scope = scope_of(desk)
    named = (request.POST if request.method == "POST" else request.GET).get("subject", "")
    subject = _subject(scope, named) if named else None
    chosen = subject if isinstance(subject, ApiKey) else None
    initial = {"subject": named or desk.organization.public_id}
    form = AddLimitForm(request.POST or None, scope=scope, chosen=chosen, initial=initial)
    stops = None
    if request.method == "POST" and form.is_valid() and subject is not None:
        existing = limits.find(subject, form.terms.measure, form.terms.window)
        if existing is not None and limits.terms_of(existing) != form.terms:
            form.add_error("window", _there_is_one(existing))
        else:
            stops = _would_stop(request, desk, subject, form.terms)
            if existing is not None or (stops is None and _set(request, desk, subject, form)):
                return redirect("dashboard:limits")
    return _form(request, {"form": form, "stops": stops})


@member(Permission.MANAGE_MONEY)
def change(request: HttpRequest, desk: Desk, limit: str) -> HttpResponse:
    """Another amount, action or thresholds; they hold from the next request on."""
    with edits.alone(request, desk, lambda: _limit(desk, limit)) as found:
        form = ChangeLimitForm(request.POST or None, limit=found)
        stops = None
        if request.method == "POST" and form.is_valid():
            if form.terms == limits.terms_of(found):
                messages.success(request, _("Nothing was changed."))
                return redirect("dashboard:limits")
            stops = _would_stop(request, desk, found.subject, form.terms)
            if stops is None and _set(request, desk, found.subject, form):
                return redirect("dashboard:limits")
    row = limit_rows.row(limits.status([found])[0], scope_of(desk), timezone.now())
    return _form(request, {"form": form, "stops": stops, "row": row})


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    unsaved = context["form"].errors or context["stops"]
    return render(request, "dashboard/limit_form.html", context, status=422 if unsaved else 200)


def _set(request: HttpRequest, desk: Desk, subject: Subject, form: TermsForm) -> bool:
    try:
        limits.set_limit(subject, form.terms, desk.actor(request))
    except ValidationError as error:
        add_errors(form, error)
        return False
    messages.success(request, _("Changes saved. They hold from the next request on."))
    return True


def _there_is_one(limit: SpendingLimit) -> str:
    return _("%(subject)s has one already: %(name)s of %(amount)s. Change that one instead.") % {
        "subject": limit_rows.subject_name(limit.subject),
        "name": limit_words.name_of(limit.measure, limit.window).lower(),
        "amount": limit_words.exact(limit.measure, limit.amount),
    }


def _would_stop(request: HttpRequest, desk: Desk, subject: Subject, terms: Terms) -> dict[str, str] | None:
    """What to say before a limit is set that is used up already; None when it is not, or the person knows."""
    if not terms.is_hard:
        return None
    planned = SpendingLimit(
        organization=desk.organization,
        project=subject if isinstance(subject, Project) else None,
        api_key=subject if isinstance(subject, ApiKey) else None,
        measure=terms.measure,
        window=terms.window,
    )
    used = limits.used_in_period(planned, timezone.now())
    knows = f"{subject.public_id}.{terms.measure}.{terms.window}.{terms.amount}"
    if used < terms.amount or request.POST.get("knows") == knows:
        return None
    return {
        "knows": knows,
        "used": limit_words.amount(terms.measure, used),
        "subject": limit_rows.subject_name(subject),
    }


@member(Permission.MANAGE_MONEY)
def remove(request: HttpRequest, desk: Desk, limit: str) -> HttpResponse:
    """Say what it held back, then end it."""
    found = _limit(desk, limit)
    row = limit_rows.row(limits.status([found])[0], scope_of(desk), timezone.now())
    if request.method == "POST":
        limits.remove(found, desk.actor(request))
        said = _("%(name)s of %(subject)s is removed.") % {"name": row.name, "subject": row.subject}
        messages.success(request, said)
        return redirect("dashboard:limits")
    return render(request, "dashboard/limit_remove.html", {"row": row})
