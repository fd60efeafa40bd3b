"""How the console writes money, tokens, times and icons."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry
from dashboard import undo
from foundation import shown_dates
from foundation.money import NANO, to_usd, usd_per_million_string, usd_string
from foundation.shown_numbers import written

register = template.Library()
MINUS = "\u2212"
_ICONS = Path(settings.BASE_DIR) / "static" / "vendor" / "icons"


@lru_cache(maxsize=128)
def _svg(name: str, extra: str) -> str:
    text = (_ICONS / f"{name}.svg").read_text()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    return (
        f'<svg class="ic {extra}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{body.strip()}'
    )


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An inline icon; decoration only, so it is hidden from screen readers."""
    return mark_safe(_svg(name, extra))  # noqa: S308


_DEEDS = {
    "key.created": pgettext_lazy("what was done", "Created"),
    "key.renamed": _("Renamed"),
    "key.restricted": _("Restrictions changed"),
    "key.regenerated": _("Regenerated"),
    "key.old_secret_stopped": _("Old secret stopped"),
    "key.disabled": _("Disabled"),
    "key.enabled": _("Enabled"),
    "key.revealed": _("Secret shown again"),
    "key.reveal_refused": _("Secret not shown: wrong password"),
    "key.revoked": _("Revoked"),
    "member.joined": _("Joined"),
    "member.mails_chosen": _("E-mails chosen"),
    "member.left": _("Left"),
    "member.removed": _("Removed"),
    "member.role_changed": _("Role changed"),
    "invitation.sent": _("Invited"),
    "invitation.resent": _("Invited again"),
    "invitation.withdrawn": _("Invitation withdrawn"),
    "organization.transferred": _("Ownership handed over"),
    "organization.created": _("Organization opened"),
    "organization.changed": _("Organization changed"),
    "organization.access_changed": _("Rules of joining and logging in changed"),
    "organization.copying_allowed": _("Copying of keys allowed"),
    "organization.copying_stopped": _("Copying of keys stopped"),
    "organization.suspended": _("Organization suspended"),
    "organization.restored": _("Suspension ended"),
    "user.profile_changed": _("Profile changed"),
    "user.password_changed": _("Password changed"),
    "user.password_reset": _("Password reset by mail"),
    "user.password_set": _("Password set"),
    "user.email_changed": _("Primary e-mail changed"),
    "user.email_confirm": _("E-mail confirmed"),
    "user.email_deleted": _("E-mail removed"),
    "user.totp_activated": _("Authenticator app switched on"),
    "user.totp_deactivated": _("Authenticator app switched off"),
    "user.webauthn_added": _("Passkey added"),
    "user.webauthn_removed": _("Passkey removed"),
    "user.recovery_codes_generated": _("New recovery codes made"),
    "user.sessions_ended": _("Other sessions ended"),
    "code.not_found": _("A code that does not exist was tried"),
    "code.redeemed": _("Code redeemed"),
    "credit.granted": _("Credit granted"),
    "credit.adjusted": _("Credit adjusted after a wrong price"),
    "limit.set": _("Limit set"),
    "limit.removed": _("Limit removed"),
    "limit.tested": _("Test alert sent"),
    "webhook.created": _("Webhook endpoint added"),
    "webhook.changed": _("Webhook endpoint changed"),
    "webhook.enabled": _("Webhook endpoint switched on"),
    "webhook.disabled": _("Webhook endpoint switched off"),
    "webhook.secret_rotated": _("Webhook secret rotated"),
    "webhook.removed": _("Webhook endpoint removed"),
    "webhook.tested": _("Webhook endpoint tested"),
    "delivery.replayed": _("Message sent again"),
    "export.created": _("Export added"),
    "export.changed": _("Export changed"),
    "export.removed": _("Export removed"),
    "export.run": _("Day exported again"),
    "project.created": pgettext_lazy("what was done", "Created"),
    "project.renamed": _("Renamed"),
    "user.deletion_asked": _("Asked to delete the account"),
    "user.kept": _("Kept the account"),
    "user.deleted": _("Account deleted"),
    "project.archived": _("Archived"),
    "project.deleted": _("Deleted"),
    "project.restored": _("Restored"),
    "project.member_added": _("Developer added"),
    "project.member_removed": _("Developer removed"),
    "preset.created": _("Preset saved"),
    "preset.changed": _("Preset changed"),
    "preset.deleted": _("Preset deleted"),
    "preset.restored": _("Preset brought back"),
}


@register.filter
def deed(action: str) -> str:
    """An audit entry's action in words."""
    return str(_DEEDS.get(action, action))


@register.filter
def told(entry: AuditEntry) -> str:
    """An audit entry in words, with whom or what it was about."""
    about = entry.changes.get("member") or entry.changes.get("name")
    if isinstance(about, list):
        about = " → ".join(str(one) for one in about)
    return f"{deed(entry.action)}: {about}" if about else deed(entry.action)


@register.filter
def undo_url(tags: str | None) -> str:
    """What a message that offers it sends to undo what was done."""
    return undo.url_of(tags or "")


@register.filter
def usd(nano: int | None) -> str:
    """Money for people: >= $1 two decimals, from one cent four, below six; a non-zero cost never shows as zero."""
    if nano is None:
        return "—"
    sign, amount = (MINUS, -nano) if nano < 0 else ("", nano)
    if amount == 0:
        return written("$0.00")
    if amount < 1_000:
        return written(f"{sign}<$0.000001")
    places = 2 if amount >= NANO else 4 if amount >= NANO // 100 else 6
    rounded = to_usd(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return written(f"{sign}${rounded:,}")


@register.filter
def usd_exact(nano: int) -> str:
    """Every digit there is: for tooltips and data attributes."""
    return usd_string(nano)


@register.filter
def marked(number: str) -> str:
    """A number in words, such as 1,234.56, with the marks that the reader chose."""
    return written(number)


@register.filter
def price(pico: int | None) -> str:
    """USD per 1M tokens."""
    return "—" if pico is None else written(usd_per_million_string(pico))


@register.filter
def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return "—" if number is None else written(f"{number:,}")


@register.filter
def compact(number: int) -> str:
    """Three to four significant digits: 552.7M."""
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            value = Decimal(number) / size
            return written(f"{value.quantize(Decimal('0.1'))}{letter}" if number >= 10_000 else f"{number:,}")
    return str(number)


@register.filter
def share(part: int, whole: int) -> str:
    """Percent with one decimal, two below one percent."""
    if not whole:
        return "—"
    value = Decimal(part) * 100 / whole
    return written(f"{value.quantize(Decimal('0.01') if 0 < abs(value) < 1 else Decimal('0.1'))}%")


@register.filter
def milliseconds(value: int | None) -> str:
    """840 ms, 1.24 s, 1 min 12 s."""
    if value is None:
        return "—"
    if value < 1000:
        return f"{value} ms"
    if value < 60_000:
        return written(f"{Decimal(value) / 1000:.2f} s")
    return f"{value // 60_000} min {value // 1000 % 60} s"


def _zone(context: dict[str, Any]) -> ZoneInfo:
    user = getattr(context.get("request"), "user", None)
    try:
        return ZoneInfo(getattr(user, "time_zone", "") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime | None) -> SafeString | str:
    """A time in the profile's zone: relative up to seven days ago, with the exact one on hover."""
    if at is None:
        return "—"
    local = at.astimezone(_zone(context))
    exact = shown_dates.instant_text(local)
    past = timezone.now() - at
    shown = exact
    if 0 <= past.total_seconds() < 60:
        shown = gettext("just now")
    elif 0 <= past.days < 7:
        shown = gettext("%(time)s ago") % {"time": timesince(at, depth=1)}
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, shown)


@register.simple_tag(takes_context=True)
def clock(context: dict[str, Any], at: datetime | None = None) -> SafeString:
    """A time of today, or now, in the profile's zone, to the second: 14:05:12 CET."""
    at = at or timezone.now()
    local = at.astimezone(_zone(context))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{local:%H:%M:%S %Z}")


@register.simple_tag(takes_context=True)
def since(context: dict[str, Any], at: datetime) -> SafeString:
    """Since when, in the profile's zone: 14:02 CET, with the day where that is not today."""
    zone = _zone(context)
    local = at.astimezone(zone)
    is_today = local.date() == timezone.now().astimezone(zone).date()
    shown = f"{local:%H:%M %Z}" if is_today else shown_dates.instant_text(local)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), shown)


@register.filter
def date_text(day: date) -> str:
    """A day of the calendar: 23 Nov 2026."""
    return shown_dates.day_text(day)


@register.simple_tag(takes_context=True)
def day(context: dict[str, Any], at: datetime | None) -> str:
    """A date in the profile's zone: 23 Nov 2026."""
    if at is None:
        return "—"
    local = at.astimezone(_zone(context))
    return shown_dates.day_text(local)


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query string with some members changed; None or an empty value takes a member out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"
