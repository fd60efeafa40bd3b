"""Settings, Security: password, second factors, sessions. allauth's pages change the factors; this one shows all."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.actor import Actor
from accounts.models import User
from dashboard import security_report
from dashboard.access import logged_in


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@never_cache
@require_safe
@logged_in
def security(request: HttpRequest) -> HttpResponse:
    """Everything that guards the account, on one page."""
    user = _user(request)
    sessions = security_report.sessions(user, request.session.session_key)
    context = {
        "factors": security_report.factors(user),
        "sessions": sessions,
        "others": len([one for one in sessions if not one.is_current]),
        "events": security_report.events(user),
    }
    return render(request, "dashboard/settings_security.html", context)


def _end(request: HttpRequest, sessions: list[UserSession]) -> None:
    """Log out elsewhere: the next request of that browser is a stranger's."""
    user = _user(request)
    for session in sessions:
        session.end()
    if sessions:
        by = Actor(user, address=request.META.get("REMOTE_ADDR", ""))
        audit.record("user.sessions_ended", user, by, changes={"sessions": len(sessions)})


@require_POST
@logged_in
def end(request: HttpRequest, session: int) -> HttpResponse:
    """End one of the person's other sessions; this one ends by logging out."""
    others = UserSession.objects.exclude(session_key=request.session.session_key)
    _end(request, [get_object_or_404(others, user=_user(request), pk=session)])
    messages.success(request, _("Logged out there."))
    return redirect("dashboard:settings-security")


@require_POST
@logged_in
def end_others(request: HttpRequest) -> HttpResponse:
    """End every session but this one."""
    others = UserSession.objects.filter(user=_user(request)).exclude(session_key=request.session.session_key)
    found = list(others)
    _end(request, found)
    said = ngettext("Logged out of %(n)d other session.", "Logged out of %(n)d other sessions.", len(found))
    messages.success(request, said % {"n": len(found)})
    return redirect("dashboard:settings-security")
