"""Every page and dialog of the console, for the tests that look at all of them.

`test_pages_are_listed.py` fails when an address is neither here nor in NOT_PAGES.
"""

from dataclasses import dataclass

from dashboard import docs_site


@dataclass(frozen=True)
class Page:
    """A page as one person sees it. `name` is its URL's; `path` names what is in tests/browser/furnished.py."""

    name: str
    path: str
    who: str = "ana"
    # What tells it from another look at the same address.
    state: str = ""
    # "click CSS" or "fill CSS=text", done in this order before anybody looks.
    steps: tuple[str, ...] = ()
    status: int = 200
    # How the address begins that it leads to, where that is another one.
    leads: str = ""

    def __str__(self) -> str:
        return f"{self.name}{'-' + self.state if self.state else ''}"


@dataclass(frozen=True)
class Dialog:
    """A dialog, and what opens it on its page."""

    name: str
    path: str
    opener: str
    who: str = "ana"

    def __str__(self) -> str:
        return f"dialog-{self.name}"


_SUBMIT = "click main form[method=post]:not(.languages) button[type=submit]"
_LOGGED_OUT = (
    Page("account_login", "/accounts/login/", ""),
    Page("account_login", "/accounts/login/", "", "wrong", ("fill [name=login]=ana@northwind.example",
         "fill [name=password]=wrong", _SUBMIT)),
    Page("account_signup", "/accounts/signup/", ""),
    Page("account_signup", "/accounts/signup/", "", "wrong", ("fill [name=email]=nina@example.com",
         "fill [name=password1]=password12", _SUBMIT)),
    Page("account_reset_password", "/accounts/password/reset/", ""),
    Page("account_reset_password_done", "/accounts/password/reset/done/", ""),
    Page("account_reset_password_from_key", "/accounts/password/reset/key/{reset}/", "",
         leads="/accounts/password/reset/"),
    Page("account_reset_password_from_key", "/accounts/password/reset/key/1-gone/", "", "gone"),
    Page("account_reset_password_from_key_done", "/accounts/password/reset/key/done/", ""),
    Page("account_email_verification_sent", "/accounts/confirm-email/", ""),
    Page("account_confirm_email", "/accounts/confirm-email/{confirm}/", ""),
    Page("account_confirm_email", "/accounts/confirm-email/gone/", "", "gone"),
    Page("account_inactive", "/accounts/inactive/", ""),
    Page("mfa_authenticate", "/accounts/login/", "", "", ("fill [name=login]=mei@northwind.example",
         "fill [name=password]=correct horse battery", _SUBMIT, "wait [name=code]")),
    Page("join", "/invitations/{new_invitation}/", ""),
    Page("join", "/invitations/{invitation}/", "", "log-in"),
    Page("join", "/invitations/{invitation}/", "wanda", "accept"),
    Page("join", "/invitations/{invitation}/", "ana", "other"),
    Page("join", "/invitations/gone/", "", "gone", status=410),
    Page("models", "/models/", "", "anybody"),
    Page("status", "/status/", "", "anybody"),
    Page("docs", "/docs/", "", "anybody"),
    Page("docs-search", "/docs/search/?q=insufficient_quota", ""),
    Page("docs-search", "/docs/search/?q=zzzz", "", "no-match"),
    Page("docs-page", "/docs/errors/", "", "anybody"),
    Page("404", "/nowhere/", "", "anybody", status=404),
)  # fmt: skip
_DOCUMENTATION = (
    Page("docs", "/docs/"),
    *(Page("docs-page", f"/docs/{slug}/", state=slug) for slug in docs_site.SLUGS),
)
_ACCOUNT = (
    Page("account_email", "/accounts/email/"),
    Page("account_email", "/accounts/email/", "nina", "unconfirmed"),
    Page("account_change_password", "/accounts/password/change/"),
    Page("account_reauthenticate", "/accounts/reauthenticate/"),
    Page("account_logout", "/accounts/logout/"),
    Page("mfa_reauthenticate", "/accounts/2fa/reauthenticate/", "mei"),
    Page("mfa_activate_totp", "/accounts/2fa/totp/activate/"),
    Page("mfa_deactivate_totp", "/accounts/2fa/totp/deactivate/", "mei"),
    Page("mfa_view_recovery_codes", "/accounts/2fa/recovery-codes/", "mei"),
    Page("mfa_generate_recovery_codes", "/accounts/2fa/recovery-codes/generate/", "mei"),
    Page("mfa_add_webauthn", "/accounts/2fa/webauthn/add/"),
    Page("mfa_edit_webauthn", "/accounts/2fa/webauthn/keys/{passkey}/edit/", "tom"),
    Page("mfa_remove_webauthn", "/accounts/2fa/webauthn/keys/{passkey}/remove/", "tom"),
    Page("settings-profile", "/settings/"),
    Page("settings-security", "/settings/security/"),
    Page("settings-security", "/settings/security/", "mei", "two-factor"),
    Page("settings-notifications", "/settings/notifications/"),
    Page("settings-organization", "/settings/organization/"),
    Page("settings-exports", "/settings/exports/"),
    Page("settings-exports", "/settings/exports/", "noah", "empty"),
    Page("settings-export-add", "/settings/exports/add/"),
    Page(
        "settings-export-add",
        "/settings/exports/add/",
        "ana",
        "wrong",
        (
            "fill main [name=bucket]=No Bucket",
            "fill main [name=access_key_id]=AKIA",
            "fill main [name=secret_access_key]=secret",
            _SUBMIT,
        ),
    ),
    Page("settings-export", "/settings/exports/{export}/"),
    Page("settings-export-remove", "/settings/exports/{export}/remove/"),
    Page("settings-data", "/settings/data/"),
    Page("settings-delete", "/settings/data/delete/"),
    Page("settings-delete", "/settings/data/delete/", "noah", "alone"),
    Page("welcome", "/welcome/", "wanda"),
    Page("two-factor-needed", "/two-factor/", "paul"),
)
_WORK = (
    Page("overview", "/"),
    Page("overview", "/", "noah", "empty"),
    Page("overview", "/", "lena", "viewer"),
    Page("getting-started", "/getting-started/"),
    Page("getting-started", "/getting-started/", "noah", "empty"),
    Page("getting-started", "/getting-started/", "nina", "unconfirmed"),
    Page("playground", "/playground/"),
    Page("playground", "/playground/", "lena", "forbidden", status=403),
    Page("keys", "/keys/"),
    Page("keys", "/keys/?status=all", "ana", "all"),
    Page("keys", "/keys/?q=nothing-like-it", "ana", "no-match"),
    Page("keys", "/keys/", "noah", "empty"),
    Page("keys", "/keys/", "nina", "unconfirmed"),
    Page("key-create", "/keys/create/"),
    Page("key-create", "/keys/create/", "ana", "wrong", ("fill main [name=name]= ", _SUBMIT)),
    Page("key-create", "/keys/create/", "ana", "secret", ("fill main [name=name]=shown once {number}", _SUBMIT,
         "wait #secret")),
    Page("key", "/keys/{key}/"),
    Page("key", "/keys/{long_key}/", "ana", "long"),
    Page("key", "/keys/{disabled_key}/", "ana", "disabled"),
    Page("key", "/keys/{renewed_key}/", "ana", "renewed"),
    Page("key-regenerate", "/keys/{key}/regenerate/"),
    Page("key-revoke", "/keys/{key}/revoke/"),
    Page("key-revoke", "/keys/{long_key}/revoke/", "ana", "unused"),
    Page("key-revoke", "/keys/{key}/revoke/", "ana", "wrong", ("fill main [name=name]=something", _SUBMIT)),
    Page("key-reveal", "/keys/{revealable_key}/reveal/"),
    Page("usage", "/usage/"),
    Page("usage", "/usage/?metric=tokens&by=key", "ana", "tokens"),
    Page("usage", "/usage/?by=day", "ana", "by-day"),
    Page("usage", "/usage/?from=2020-01-01&to=2020-01-07", "ana", "no-match"),
    Page("usage", "/usage/?from=2020-01-01&to=2023-01-07", "ana", "too-long"),
    Page("usage", "/usage/", "noah", "empty"),
    Page("requests", "/usage/requests/"),
    Page("requests", "/usage/requests/?request=req_none", "ana", "no-match"),
    Page("requests", "/usage/requests/", "noah", "empty"),
    Page("request", "/usage/requests/{request}/"),
    Page("limits", "/limits/"),
    Page("limits", "/limits/", "noah", "empty"),
    Page("limit-add", "/limits/add/"),
    Page("limit-add", "/limits/add/", "ana", "wrong", ("fill main [name=amount]=a lot", _SUBMIT)),
    Page("limit-change", "/limits/{limit}/change/"),
    Page("limit-change", "/limits/{limit}/change/", "ana", "stops", ("fill main [name=amount]=0.01", _SUBMIT)),
    Page("limit-remove", "/limits/{limit}/remove/"),
    Page("limit-webhooks", "/limits/webhooks/"),
    Page("limit-webhooks", "/limits/webhooks/", "noah", "empty"),
    Page("limit-webhook-add", "/limits/webhooks/add/"),
    Page("limit-webhook", "/limits/webhooks/{endpoint}/"),
    Page("limit-webhook", "/limits/webhooks/{endpoint}/", "ana", "secret", ("click form[action$='/rotate/'] button",
         "wait #secret")),
    Page("limit-webhook-remove", "/limits/webhooks/{endpoint}/remove/"),
    Page("billing", "/billing/"),
    Page("billing", "/billing/", "noah", "empty"),
    Page("billing", "/billing/", "lena", "forbidden", status=403),
    Page("billing-redeem", "/billing/", "ana", "wrong", ("fill main [name=code]=no code", "click main form button")),
    Page("models", "/models/"),
    Page("model", "/models/deepseek-chat/"),
    Page("status", "/status/"),
    Page("projects", "/projects/"),
    Page("projects", "/projects/", "noah", "empty"),
    Page("project-create", "/projects/create/"),
    Page("project", "/projects/{project}/"),
    Page("project", "/projects/{sandbox}/?tab=members", "ana", "members"),
    Page("project", "/projects/{long_project}/?tab=settings", "ana", "settings"),
    Page("project", "/projects/{archived_project}/", "ana", "archived"),
    Page("project", "/projects/{noah_project}/", "noah", "empty"),
    Page("project-delete", "/projects/{archived_project}/delete/"),
    Page("project-member-remove", "/projects/{sandbox}/members/{user}/remove/"),
    Page("members", "/members/"),
    Page("members", "/members/", "noah", "empty"),
    Page("member-invite", "/members/invite/"),
    Page("member-invite", "/members/invite/", "ana", "wrong", ("fill main [name=emails]=nobody", _SUBMIT)),
    Page("member-role", "/members/{user}/role/"),
    Page("member-remove", "/members/{user}/remove/"),
    Page("member-leave", "/members/leave/", "mei"),
    Page("member-leave", "/members/leave/", "ana", "last-owner"),
    Page("member-transfer", "/members/transfer/"),
    Page("404", "/keys/key_of_somebody_else/", status=404),
    Page("405", "/limits/test/", status=405),
)  # fmt: skip
PAGES: tuple[Page, ...] = (*_WORK, *_ACCOUNT, *_LOGGED_OUT, *_DOCUMENTATION)

DIALOGS = (
    Dialog("key-create", "/keys/", "#create-key"),
    Dialog("key-regenerate", "/keys/", "a[href$='/regenerate/'] >> nth=0"),
    Dialog("key-revoke", "/keys/", "a[href$='/revoke/'] >> nth=0"),
    Dialog("key-reveal", "/keys/{revealable_key}/", "a[href$='/reveal/']"),
    Dialog("limit-add", "/limits/", "main .pagehead a[data-page-dialog]"),
    Dialog("limit-change", "/limits/", "td a[href$='/change/'] >> nth=0"),
    Dialog("limit-remove", "/limits/", "td a[href$='/remove/'] >> nth=0"),
    Dialog("limit-webhook-add", "/limits/webhooks/", "main .pagehead a[data-page-dialog]"),
    Dialog("limit-webhook-remove", "/limits/webhooks/{endpoint}/", "a[href$='/remove/']"),
    Dialog("settings-export-add", "/settings/exports/", "#add-export"),
    Dialog("settings-export-remove", "/settings/exports/{export}/", "a[href$='/remove/']"),
    Dialog("project-create", "/projects/", "#create-project"),
    Dialog("project-delete", "/projects/{archived_project}/?tab=settings", "a[href$='/delete/']"),
    Dialog("project-member-remove", "/projects/{sandbox}/?tab=members", "a[href$='/remove/'] >> nth=0"),
    Dialog("member-invite", "/members/", "#invite"),
    Dialog("member-role", "/members/", "a[href$='/role/'] >> nth=0"),
    Dialog("member-remove", "/members/", "a[href$='/remove/'] >> nth=0"),
    Dialog("member-leave", "/members/", "a[href$='/leave/']", "mei"),
    Dialog("playground-presets", "/playground/", "#pg-open-presets"),
    Dialog("playground-code", "/playground/", "#pg-show-code"),
)

# Addresses that answer with no page of their own, and why.
NOT_PAGES = {
    # Take a POST and lead back.
    "switch", "theme", "language", "key-rename", "key-restrict", "key-stop-old", "key-disable", "key-enable",
    "limit-webhook-test", "limit-webhook-switch", "limit-webhook-rotate", "limit-webhook-replay", "project-rename",
    "project-archive", "project-restore", "project-member-add", "member-invitation-resend",
    "member-invitation-withdraw", "settings-session-end", "settings-sessions-end-others", "settings-copying",
    "settings-export-key", "settings-export-run", "settings-export-switch",
    "settings-keep", "settings-access", "limits-test", "getting-started-create",
    "getting-started-hide", "getting-started-unhide",
    "playground-preset", "playground-preset-delete", "playground-preset-restore", "mfa_login_webauthn",
    # Lead elsewhere.
    "docs-error", "mfa_index", "mfa_list_webauthn", "usersessions_list", "account_set_password",
    # Files and data.
    "usage-export", "requests-export", "billing-export", "settings-data-export", "settings-data-archive",
    "usage-newest", "mfa_download_recovery_codes",
    "docs-client", "docs-setup", "docs-search-json", "playground-words", "playground-chat", "playground-estimate",
    "playground-receipt", "playground-presets",
    # Needs a passkey that a device made; tests/dashboard/test_settings_passkeys.py has one.
    "mfa_reauthenticate_webauthn",
    # Off: log-in by a mailed code.
    "account_confirm_login_code",
}  # fmt: skip
