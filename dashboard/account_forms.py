"""allauth's forms in this house's words: labels above the fields, no placeholders that repeat them."""

import struct
from typing import Any

from allauth.account import forms as account
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.adapter import get_adapter as mfa_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from cryptography.exceptions import InvalidSignature
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

_EMAIL = _("E-mail")
_PASSWORD_HINT = _("At least 10 characters, and none of the common passwords.")


def new_password() -> dict[str, Any]:
    """Attributes of a field in which a password is made up: a script says how strong it is, in these words."""
    return {
        "minlength": 10,
        "data-strength": "",
        "data-short": _("Too short: at least 10 characters."),
        "data-weak": _("Weak: one word or few different characters are guessed soon."),
        "data-fair": _("Fair. A few more characters make it strong."),
        "data-strong": _("Strong."),
    }


class _Plain(forms.Form):
    """Takes the placeholders out; sub-classes name and explain their fields."""

    labels: dict[str, Any] = {}
    hints: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, field.help_text)


class LoginForm(_Plain, account.LoginForm):
    labels = {"login": _EMAIL, "remember": _("Keep me signed in for 30 days")}
    # The link to the reset stands beside the button.
    hints = {"password": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class SignupForm(_Plain, account.SignupForm):
    labels = {"email": _EMAIL}
    hints = {"password1": _PASSWORD_HINT}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"
        self.fields["password1"].widget.attrs |= new_password()


class AddEmailForm(_Plain, account.AddEmailForm):
    labels = {"email": _("New e-mail")}


class ResetPasswordForm(_Plain, account.ResetPasswordForm):
    labels = {"email": _EMAIL}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"


class ResetPasswordKeyForm(_Plain, account.ResetPasswordKeyForm):
    labels = {"password1": _("New password"), "password2": _("New password again")}
    hints = {"password1": _PASSWORD_HINT}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].widget.attrs |= new_password()


class ChangePasswordForm(_Plain, account.ChangePasswordForm):
    labels = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("New password again"),
    }
    hints = {"oldpassword": "", "password1": _PASSWORD_HINT}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].widget.attrs |= new_password()


class SetPasswordForm(_Plain, account.SetPasswordForm):
    labels = {"password1": _("New password"), "password2": _("New password again")}
    hints = {"password1": _PASSWORD_HINT}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].widget.attrs |= new_password()


class ReauthenticateForm(_Plain, account.ReauthenticateForm):
    hints = {"password": ""}


_CODE_WIDGET = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}


class _CodeForm(_Plain):
    """A code is typed or pasted; it is sent on Enter only."""

    labels = {"code": _("Six-digit code")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= _CODE_WIDGET


class _OnceForm(_CodeForm):
    """The app's code is good for one use while it is a code; the library forgets a used one after half a minute."""

    user: Any
    authenticator: Any

    def clean_code(self) -> str:
        used = f"totp-used:{self.user.pk}:{normalize_user_code(self.cleaned_data['code'])}"
        if cache.get(used):
            raise mfa_adapter().validation_error("incorrect_code")
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            valid_for = (2 * mfa_settings.TOTP_TOLERANCE + 1) * mfa_settings.TOTP_PERIOD
            cache.set(used, True, timeout=valid_for)
        return code


class AuthenticateForm(_OnceForm, mfa.AuthenticateForm):
    labels = {"code": _("Code")}
    hints = {"code": _("From your authenticator app. A recovery code works as well.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Recovery codes are not always digits.
        self.fields["code"].widget.attrs["inputmode"] = "text"


class ReauthenticateCodeForm(_OnceForm, mfa.ReauthenticateForm):
    labels = {"code": _("Code")}
    hints = {"code": _("From your authenticator app.")}


class ActivateTOTPForm(_CodeForm, totp.ActivateTOTPForm):
    hints = {"code": _("From the app, after it knows the secret.")}


# What the library may raise on a credential that no browser made: to its owner it is a wrong one.
_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error, InvalidSignature)


class _PasskeyForm(_Plain):
    """A credential that cannot be read is refused like one that does not fit."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except _UNREADABLE as error:
            raise mfa_adapter().validation_error("incorrect_code") from error


class LoginPasskeyForm(_PasskeyForm, webauthn.LoginWebAuthnForm):
    pass


class AuthenticatePasskeyForm(_PasskeyForm, webauthn.AuthenticateWebAuthnForm):
    pass


class ReauthenticatePasskeyForm(_PasskeyForm, webauthn.ReauthenticateWebAuthnForm):
    pass


class AddPasskeyForm(_Plain, webauthn.AddWebAuthnForm):
    labels = {"name": _("Name"), "passwordless": _("Log in with it alone, without the password")}
    hints = {"name": _("So that you tell it from others, such as “Laptop” or “Blue security key”.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"maxlength": 100, "autocomplete": "off"}
        self.fields["passwordless"].initial = True
        self.fields["credential"].error_messages["required"] = _("The browser gave no passkey. Try again.")

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean() or {}
        except _UNREADABLE as error:
            raise mfa_adapter().validation_error("incorrect_code") from error


class EditPasskeyForm(_Plain, webauthn.EditWebAuthnForm):
    labels = {"name": _("Name")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"maxlength": 100, "autocomplete": "off"}
