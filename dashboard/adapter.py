"""allauth in this house: sign-up opens an organization, confirming the address lets keys and credit go."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import organizations
from billing import opening


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("The e-mail or the password is wrong."),
        "too_many_login_attempts": _("Too many attempts. Try again in a few minutes or reset your password."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("This is not your password."),
        "incorrect_code": _("This code is wrong or too old. Wait for the next one."),
        "email_taken": _("An account has this address already. Log in, or reset your password."),
        "duplicate_email": _("This address is already yours."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """The account, and an organization that it owns, with its default project."""
        user = super().save_user(request, user, form, commit=False)
        user.name = form.cleaned_data.get("name", "")
        user.time_zone = form.cleaned_data.get("time_zone") or "UTC"
        if commit:
            user.save()
            name = form.cleaned_data.get("organization") or f"{user.get_short_name()}'s organization"
            opening.open_organization(user, name[:100])
        return user

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        confirmed = bool(super().confirm_email(request, email_address))
        if confirmed:
            organizations.mark_confirmed(email_address.user)
        return confirmed
