"""Settings, Profile: name, language, time zone, format of numbers, and how the playground answers."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import people
from accounts.actor import Actor
from accounts.models import User
from dashboard.access import logged_in
from dashboard.form_errors import add_errors
from dashboard.settings_forms import ProfileForm


@logged_in
def profile(request: HttpRequest) -> HttpResponse:
    """Also for people who belong to no organization."""
    user = request.user
    assert isinstance(user, User)
    names = ("name", "time_zone", "language", "number_format", *people.PLAYGROUND)
    initial = {name: getattr(user, name) for name in names}
    form = ProfileForm(request.POST or None, current=user.time_zone, initial=initial)
    if request.method == "POST" and form.is_valid():
        by = Actor(user, address=request.META.get("REMOTE_ADDR", ""))
        data = form.cleaned_data
        try:
            changed = people.change_profile(user, by, **{name: data[name] for name in names})
        except ValidationError as error:
            add_errors(form, error)
        else:
            # The answer is in the language that was chosen just now.
            with translation.override(changed.language or translation.get_language()):
                messages.success(request, _("Changes saved."))
            return redirect("dashboard:settings-profile")
    return render(request, "dashboard/settings_profile.html", {"form": form}, status=422 if form.errors else 200)
