"""Settings, Data: delete the account, and change one's mind."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import closing
from accounts.actor import Actor
from accounts.models import AccountDeletion, User
from billing import balances
from dashboard import closing_mail
from dashboard.access import logged_in


@never_cache
@logged_in
@reauthentication_required(app="dashboard")  # type: ignore[untyped-decorator]
def delete(request: HttpRequest) -> HttpResponse:
    """What goes and what stays, then the address typed; asks for the password first."""
    user = _user(request)
    wrong = request.method == "POST" and request.POST.get("email", "").strip().lower() != user.email.lower()
    if request.method == "POST" and not wrong:
        try:
            asked = closing.ask(user, _actor(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            closing_mail.send(request, asked)
            messages.success(request, _("Your account will be deleted. Until then you can keep it."))
            return redirect("dashboard:settings-data")
    found = closing.consequences(user)
    context = {
        "found": found,
        "wrong": wrong,
        "left": [(one, balances.balance(one.pk)) for one in found.alone],
        "days": closing.GRACE.days,
        "asked": AccountDeletion.objects.filter(user=user).first(),
    }
    return render(request, "dashboard/settings_delete.html", context, status=422 if wrong else 200)


@require_POST
@logged_in
def keep(request: HttpRequest) -> HttpResponse:
    """Undo it, as long as it is not done."""
    if closing.keep(_user(request), _actor(request)):
        messages.success(request, _("Your account stays. Your keys and organizations work again."))
    return redirect("dashboard:settings-data")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _actor(request: HttpRequest) -> Actor:
    return Actor(_user(request), address=request.META.get("REMOTE_ADDR", ""))
