"""Settings, Profile: name and time zone."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import people
from accounts.actor import Actor
from accounts.models import User
from dashboard.form_errors import add_errors
from dashboard.settings_forms import ProfileForm


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Also for people who belong to no organization."""
    user = request.user
    assert isinstance(user, User)
    initial = {"name": user.name, "time_zone": user.time_zone}
    form = ProfileForm(request.POST or None, current=user.time_zone, initial=initial)
    if request.method == "POST" and form.is_valid():
        by = Actor(user, address=request.META.get("REMOTE_ADDR", ""))
        try:
            people.change_profile(user, by, name=form.cleaned_data["name"], time_zone=form.cleaned_data["time_zone"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("Changes saved."))
            return redirect("dashboard:settings-profile")
    return render(request, "dashboard/settings_profile.html", {"form": form}, status=422 if form.errors else 200)
