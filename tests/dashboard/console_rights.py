"""Who may use which URL of the console: one row for every URL."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.people import PASSWORD

ROLES = ("owner", "admin", "developer", "billing", "viewer")
# Somebody who owns another organization, and somebody who is not logged in.
OUTSIDE = ("Charlie", "nobody")

ALL = set(ROLES)
MONEY = {"owner", "admin", "billing"}
MANAGE = {"owner", "admin"}
BUILD = {"owner", "admin", "developer"}
SEE_KEYS = {"owner", "admin", "developer", "viewer"}

# The address of a page with these is looked at with GET, changed with POST; anything else about it is refused.
PAGE, FORM, VERB = {"GET"}, {"GET", "POST"}, {"POST"}

Values = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One URL: how it is used, who of Alice's people may, what is sent, and on which page its control stands."""

    methods: set[str]
    may: set[str]
    body: Callable[[Values], Any] = field(default=lambda values: {})
    at: str = ""
    # The names of the values in its address, as `furnish` knows them.
    of: dict[str, str] = field(default_factory=dict)
    # What GET answers to those who may, and what a POST that was sent properly does.
    shows: int = 200
    done: int = 302
    # For everybody, also without a log-in.
    is_public: bool = False
    # Asked by scripts: a missing session is 401, no way to the log-in.
    is_for_scripts: bool = False
    # Alice's things are 404 to Charlie and the rest shows his own; not where this says otherwise.
    stranger: int | None = None
    # Who may send the form, where more may look at it.
    may_post: set[str] | None = None
    # What a POST is answered that has no effect for anybody, by who sends it.
    posted: Callable[[str], int] | None = None


def key(methods: set[str], may: set[str], body: Any = None, **more: Any) -> Row:
    return Row(methods, may, _fixed(body), of={"key": "key"}, **more)


def project(methods: set[str], may: set[str], body: Any = None, of: dict[str, str] | None = None, **more: Any) -> Row:
    return Row(methods, may, _fixed(body), of={"project": "project", **(of or {})}, **more)


def hook(methods: set[str], may: set[str], body: Any = None, of: dict[str, str] | None = None, **more: Any) -> Row:
    return Row(methods, may, _fixed(body), of={"endpoint": "endpoint", **(of or {})}, **more)


def export(methods: set[str], may: set[str], body: Any = None, **more: Any) -> Row:
    return Row(methods, may, _fixed(body), of={"export": "export"}, **more)


def preset(methods: set[str], may: set[str], body: Any = None, of: str = "preset", **more: Any) -> Row:
    return Row(methods, may, _fixed(body), of={"public_id": of}, done=200, **more)


def _fixed(body: Any) -> Callable[[Values], Any]:
    return body if callable(body) else lambda values: body or {}


def _new_key(values: Values) -> dict[str, Any]:
    return {
        "name": "made", "project": values["project"], "owner": "me", "expires_in": "90", "scopes": ["chat"],
        "token": "a" * 32,
    }  # fmt: skip


def _terms(values: Values) -> dict[str, Any]:
    terms = {"measure": "usd", "amount": "5", "window": "week", "action": "hard", "thresholds": ""}
    return terms | {"subject": values["project"]}


PRESET = {
    "name": "Careful",
    "description": "",
    "model": "deepseek-chat",
    "parameters": {},
    "messages": [],
    "version": 1,
}

BUCKET = {
    "contents": ["usage", "ledger"],
    "format": "csv",
    "bucket": "example-books",
    "region": "eu-central-1",
    "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": "secret",
}

TABLE: dict[str, Row] = {
    "overview": Row(PAGE, ALL),
    "welcome": Row(FORM, ALL, shows=302),
    # Nobody's organization asks for a second factor here.
    "two-factor-needed": Row(PAGE, ALL, shows=302),
    "switch": Row(VERB, ALL, of={"organization": "organization"}),
    "theme": Row(VERB, ALL, of={"name": "theme"}, is_public=True),
    "language": Row(FORM, ALL, of={"code": "language"}, shows=302, is_public=True),
    # API keys
    "keys": Row(PAGE, SEE_KEYS, at="overview"),
    "key-create": Row(FORM, BUILD, _new_key, at="keys", done=200),
    "key": key(PAGE, SEE_KEYS, at="keys"),
    "key-rename": key(VERB, BUILD, {"name": "renamed"}, at="key"),
    "key-restrict": key(VERB, BUILD, {"scopes": ["chat"], "expires_in": "90"}, at="key"),
    "key-regenerate": key(FORM, BUILD, lambda values: {"grace": "now", "token": values["secret_number"]}, at="keys",
                          done=200),
    "key-stop-old": key(VERB, BUILD, at="key"),
    "key-revoke": key(FORM, BUILD, lambda values: {"name": values["key_name"]}, at="keys"),
    "key-disable": key(VERB, BUILD, at="key"),
    "key-enable": Row(VERB, BUILD, of={"key": "disabled_key"}),
    "key-reveal": key(FORM, BUILD, {"password": PASSWORD}, at="key", done=200),
    # Usage
    "usage": Row(PAGE, ALL, at="overview"),
    "usage-export": Row(PAGE, ALL, at="usage"),
    "usage-newest": Row(PAGE, ALL),
    "requests": Row(PAGE, ALL, at="usage"),
    "requests-export": Row(PAGE, ALL, at="requests"),
    "request": Row(PAGE, ALL, at="requests", of={"request_id": "request"}),
    # Limits & alerts
    "limits": Row(PAGE, ALL, at="overview"),
    "limits-test": Row(VERB, MONEY, at="limits"),
    "limit-add": Row(FORM, MONEY, _terms, at="limits"),
    "limit-webhooks": Row(PAGE, MANAGE, at="limits"),
    "limit-webhook-add": Row(FORM, MANAGE, _fixed({"url": "https://example.com/new", "token": "b" * 32}),
                             at="limit-webhooks", done=200),
    "limit-webhook": hook(FORM, MANAGE, {"url": "https://example.com/other"}, at="limit-webhooks"),
    "limit-webhook-test": hook(VERB, MANAGE, at="limit-webhook"),
    "limit-webhook-switch": hook(VERB, MANAGE, {"on": "no"}, at="limit-webhook"),
    "limit-webhook-rotate": hook(VERB, MANAGE, {"overlap": "24h", "token": "d" * 32}, at="limit-webhook", done=200),
    "limit-webhook-remove": hook(FORM, MANAGE, at="limit-webhook"),
    "limit-webhook-replay": hook(VERB, MANAGE, of={"delivery": "delivery"}, at="limit-webhook"),
    "limit-change": Row(FORM, MONEY, lambda values: _terms(values) | {"version": values["limit_version"]},
                        at="limits", of={"limit": "limit"}),
    "limit-remove": Row(FORM, MONEY, at="limits", of={"limit": "limit"}),
    # Billing and what is sold
    "billing": Row(PAGE, MONEY, at="overview"),
    "billing-redeem": Row(FORM, MONEY, lambda values: {"code": values["code"]}, at="billing", shows=302),
    "billing-export": Row(PAGE, MONEY, at="billing"),
    "models": Row(PAGE, ALL, at="overview", is_public=True),
    "model": Row(PAGE, ALL, at="models", of={"name": "model"}, is_public=True),
    # Getting started
    "getting-started": Row(PAGE, ALL, at="docs"),
    "getting-started-create": Row(VERB, BUILD, lambda values: {"name": "first", "project": values["project"],
                                                               "token": "c" * 32}, at="getting-started", done=200),
    # Offered until the first call, which this house has had.
    "getting-started-hide": Row(VERB, ALL),
    "getting-started-unhide": Row(VERB, ALL),
    # Status and documentation
    "status": Row(PAGE, ALL, is_public=True),
    "docs": Row(PAGE, ALL, is_public=True),
    "docs-search": Row(PAGE, ALL, is_public=True),
    "docs-search-json": Row(PAGE, ALL, is_public=True),
    "docs-client": Row(PAGE, ALL, is_public=True),
    "docs-setup": Row(PAGE, ALL, is_public=True),
    "docs-error": Row(PAGE, ALL, of={"code": "error_code"}, shows=302, is_public=True),
    "docs-page": Row(PAGE, ALL, of={"slug": "docs_page"}, is_public=True),
    # Projects
    "projects": Row(PAGE, ALL, at="overview"),
    "project-create": Row(FORM, MANAGE, _fixed({"name": "made"}), at="projects"),
    "project": project(PAGE, ALL, at="projects"),
    "project-rename": project(VERB, MANAGE, {"name": "renamed"}, at="project"),
    "project-archive": project(VERB, MANAGE, at="project"),
    "project-delete": Row(FORM, MANAGE, lambda values: {"name": values["old_project_name"]},
                          of={"project": "old_project"}),
    "project-restore": Row(VERB, MANAGE, of={"project": "old_project"}),
    "project-member-add": project(VERB, MANAGE, lambda values: {"member": values["idle_developer"]}, at="project"),
    "project-member-remove": project(FORM, MANAGE, of={"user": "developer"}, at="project"),
    # Members
    "members": Row(PAGE, ALL, at="overview"),
    "member-invite": Row(FORM, MANAGE, _fixed({"emails": "new@example.com", "role": "viewer"}), at="members"),
    "member-leave": Row(FORM, ALL, at="members"),
    "member-transfer": Row(FORM, {"owner"}, lambda values: {"member": values["other"]}, at="members"),
    "member-role": Row(FORM, MANAGE, _fixed({"role": "billing"}), at="members", of={"user": "other"}),
    "member-remove": Row(FORM, MANAGE, at="members", of={"user": "other"}),
    "member-invitation-resend": Row(VERB, MANAGE, at="members", of={"invitation": "invitation"}),
    "member-invitation-withdraw": Row(VERB, MANAGE, at="members", of={"invitation": "invitation"}),
    # A link for somebody else; who has no account yet may open one, and sends an empty form here.
    "join": Row(FORM, ALL, of={"secret": "invitation_secret"}, is_public=True,
                posted=lambda who: 200 if who == "nobody" else 403),
    # Settings
    "settings-profile": Row(FORM, ALL, _fixed({"name": "New name", "time_zone": "UTC"}), at="settings-security"),
    "settings-security": Row(PAGE, ALL, at="settings-profile"),
    "settings-sessions-end-others": Row(VERB, ALL),
    # Somebody else's session.
    "settings-session-end": Row(VERB, set(), of={"session": "session"},
                                posted=lambda who: 302 if who == "nobody" else 404),
    "settings-notifications": Row(FORM, ALL, at="settings-profile", may_post=MONEY | BUILD),
    "settings-organization": Row(FORM, MANAGE, _fixed({"name": "New name", "time_zone": "UTC"}), at="settings-profile"),
    "settings-access": Row(VERB, MANAGE, _fixed({"allowed_domains": "example.com"}), at="settings-organization"),
    "settings-copying": Row(VERB, MANAGE, _fixed({"allowed": "yes"}), at="settings-organization"),
    "settings-exports": Row(PAGE, MANAGE, at="settings-profile"),
    "settings-export-add": Row(FORM, MANAGE, _fixed(BUCKET | {"token": "e" * 32}), at="settings-exports"),
    "settings-export": export(FORM, MANAGE, {"contents": ["usage"]}, at="settings-exports"),
    "settings-export-key": export(VERB, MANAGE, {"access_key_id": "AKIAOTHER", "secret_access_key": "other"},
                                  at="settings-export"),
    "settings-export-run": export(VERB, MANAGE, at="settings-export"),
    "settings-export-switch": export(VERB, MANAGE, {"on": "no"}, at="settings-export"),
    "settings-export-remove": export(FORM, MANAGE, at="settings-export"),
    "settings-data": Row(PAGE, ALL, at="settings-profile"),
    "settings-delete": Row(FORM, ALL, lambda values: {"email": values["email"]}, at="settings-data"),
    "settings-keep": Row(VERB, ALL),
    "settings-data-export": Row(PAGE, ALL),
    "settings-data-archive": Row(PAGE, ALL, at="settings-data"),
    # Playground
    "playground": Row(PAGE, BUILD, at="overview"),
    "playground-words": Row(PAGE, ALL, is_public=True),
    "playground-chat": Row(VERB, BUILD, at="playground", done=503, is_for_scripts=True, stranger=404),
    "playground-estimate": Row(VERB, BUILD, _fixed({"model": "deepseek-chat", "messages": []}), at="playground",
                               done=200),
    "playground-receipt": Row(PAGE, ALL, of={"turn": "turn"}, is_for_scripts=True),
    "playground-presets": Row(FORM, BUILD, _fixed(PRESET | {"name": "made"}), at="playground", done=201, stranger=404),
    "playground-preset": preset(VERB, BUILD, PRESET),
    "playground-preset-delete": preset(VERB, BUILD),
    "playground-preset-restore": preset(VERB, BUILD, of="deleted_preset"),
}  # fmt: skip

# A query that the address needs.
QUERIES: dict[str, Callable[[Values], dict[str, str]]] = {
    "playground-presets": lambda values: {"project": values["project"]},
}
