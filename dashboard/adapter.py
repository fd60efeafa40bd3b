"""allauth in this house: sign-up opens an organization, confirming the address lets keys and credit go."""

import logging
import math
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import audit, organizations
from accounts.actor import Actor
from accounts.models import User
from billing import opening
from foundation import sealing

logger = logging.getLogger(__name__)
_FACTOR = "second-factor"


def _wait(request: HttpRequest, key: str) -> float:
    """Seconds until another log-in may be tried."""
    now, longest = time.time(), 0.0
    for rate in ratelimit.get_rates(app="allauth.account", action="login_failed"):
        place = ratelimit.get_cache_key(request, app="allauth.account", action="login_failed", rate=rate, key=key)
        # Newest first.
        tried = cache.get(place, [])
        if len(tried) >= rate.amount:
            longest = max(longest, tried[rate.amount - 1] + rate.duration - now)
    return longest


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

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            minutes = max(1, math.ceil(_wait(request, key) / 60))
            said = ngettext(
                "Too many attempts. Try again in %(n)d minute or reset your password.",
                "Too many attempts. Try again in %(n)d minutes or reset your password.",
                minutes,
            )
            raise ValidationError(said % {"n": minutes}, code=error.code) from error

    def knows_password(self, request: HttpRequest, user: User, password: str) -> bool:
        """Whether it is the password of who is logged in already; raises ValidationError after as many wrong ones as
        log-in allows.
        """
        found = self.authenticate(request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

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

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("dashboard:settings-security")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """allauth renders subjects without the context of pages: the name of this house goes along."""
        super().send_mail(template_prefix, email, {"site_name": settings.SITE_NAME} | context)

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """allauth calls this at every change of how somebody logs in: it is written down, and its owner is told."""
        action = f"user.{template_prefix.rpartition('/')[2]}"
        audit.record(action, user, Actor(user, address=self.request.META.get("REMOTE_ADDR", "")))
        # Who has just opened the link in a mail needs no second one.
        if action != "user.email_confirm":
            super().send_notification_mail(template_prefix, user, context, email)


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code or passkey was not accepted. Try again."),
        "unverified_email": _("Confirm your e-mail address first."),
    }

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)

    def encrypt(self, text: str) -> str:
        return sealing.seal(text, settings.ENCRYPTION_KEY, _FACTOR)

    def decrypt(self, encrypted_text: str) -> str:
        """A secret of before it was sealed is taken as it is; one that does not open fits no code."""
        if not encrypted_text.startswith(f"{sealing.VERSION}:"):
            return encrypted_text
        try:
            return sealing.unseal(encrypted_text, settings.ENCRYPTION_KEY, _FACTOR)
        except sealing.SealBroken:
            logger.error("a second factor was stored with another ENCRYPTION_KEY: set that one, or delete the factor")
            return generate_totp_secret()

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Passkey") if number == 1 else gettext("Passkey %(number)d") % {"number": number}
