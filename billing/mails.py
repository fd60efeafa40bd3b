"""What people are told by e-mail: the subject says what and how much, the text why and what happens now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from billing.models import EventType, Measure, OutboxMessage, Window
from billing.recipients import Recipient
from foundation import shown_dates

Payload = dict[str, Any]
# Mails about keys in an hour, for each organization.
MOST_ABOUT_KEYS = 20


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    paragraphs: list[str]


def has_text(type_: str) -> bool:
    """Whether messages of this type are told by e-mail at all."""
    return type_ in _TEXTS


def types() -> tuple[str, ...]:
    """The types of messages that are told by e-mail."""
    return tuple(_TEXTS)


def compose(message: OutboxMessage, recipient: Recipient, delivery_id: str) -> EmailMultiAlternatives:
    """The mail, ready to be sent without a database; sent twice it has the same Message-ID."""
    organization = message.organization
    with translation.override(recipient.language or settings.LANGUAGE_CODE):
        text = (_test if message.type == LIMIT_TEST else _TEXTS[message.type])(message.payload, organization)
        context = {
            "paragraphs": text.paragraphs,
            "link": f"{settings.PUBLIC_URL}/" if settings.PUBLIC_URL else "",
            "organization": organization.name,
            "site_name": settings.SITE_NAME,
            "language": translation.get_language(),
        }
        mail = EmailMultiAlternatives(
            # A name may hold anything; a subject is one line.
            subject=" ".join(text.subject.split()),
            body=render_to_string("billing/email/message.txt", context),
            to=[recipient.address],
            headers={"Message-ID": f"<{delivery_id}@{_domain()}>", "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("billing/email/message.html", context), "text/html")
    return mail


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


# ---------------------------------------------------------------- limits


def _threshold_reached(payload: Payload, organization: Organization) -> Text:
    facts = _facts(payload, organization)
    subject = _("%(name)s has used %(percent)s%% of its %(limit_name)s: %(used)s of %(limit)s") % facts
    return Text(subject, [_("%(Scope)s %(subject)s.") % {**facts, "subject": subject}, _what_stops(payload, facts)])


def _limit_reached(payload: Payload, organization: Organization) -> Text:
    facts = _facts(payload, organization)
    subject = _("%(name)s reached its %(limit_name)s of %(limit)s") % facts
    if payload["reason"] == "refusal":
        how = _("A request was refused because it did not fit: %(used)s used and %(held)s held for running requests.")
    else:
        how = _("%(used)s of %(limit)s used.")
    paragraphs = [_("%(Scope)s %(subject)s.") % {**facts, "subject": subject}, how % facts]
    if payload["is_hard"]:
        stops = _("Requests that do not fit fail with 402 until %(resets)s. Raise the limit to let them through.")
        paragraphs.append(stops % facts)
    else:
        paragraphs.append(_("Requests go on: this limit only tells and stops nothing."))
    return Text(subject, paragraphs)


def _what_stops(payload: Payload, facts: dict[str, str]) -> str:
    if payload["is_hard"]:
        return _("At 100%% requests fail with 402 until %(resets)s.") % facts
    return _("This limit only tells: no request is stopped when it is reached.")


def _facts(payload: Payload, organization: Organization) -> dict[str, str]:
    shown = _in_usd if payload["measure"] == Measure.USD else _counted
    scopes = {"key": _("The key"), "project": _("The project"), "organization": _("The organization")}
    return {
        "Scope": scopes[payload["scope"]],
        "name": payload["scope_name"],
        "percent": str(payload["threshold_percent"]),
        "limit_name": _limit_name(payload["measure"], payload["window"]),
        "limit": _with_unit(shown(payload["limit"]), payload["measure"]),
        "used": shown(payload["used"]),
        "held": shown(payload["held"]),
        "resets": _reset(payload["resets_at"], organization),
    }


def _limit_name(measure: str, window: str) -> str:
    windows = {Window.DAY: _("daily"), Window.WEEK: _("weekly"), Window.MONTH: _("monthly"), Window.LIFETIME: ""}
    measures = {
        Measure.USD: _("spending limit"),
        Measure.TOKENS: _("token limit"),
        Measure.REQUESTS: _("request limit"),
    }
    return f"{windows[Window(window)]} {measures[Measure(measure)]}".strip()


def _reset(resets_at: str | None, organization: Organization) -> str:
    if resets_at is None:
        return _("the limit is raised")
    local = datetime.fromisoformat(resets_at).astimezone(organization.zone)
    return shown_dates.instant_text(local)


def _in_usd(text: str) -> str:
    """As the console writes money: from $1 two decimals, from one cent four, below six."""
    amount = Decimal(text)
    if amount == 0:
        return "$0.00"
    if amount < Decimal("0.000001"):
        return "<$0.000001"
    places = 2 if amount >= 1 else 4 if amount >= Decimal("0.01") else 6
    return f"${amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):,}"


def _counted(text: str) -> str:
    return f"{int(text):,}"


def _with_unit(shown: str, measure: str) -> str:
    units = {Measure.USD: "%s", Measure.TOKENS: _("%s tokens"), Measure.REQUESTS: _("%s requests")}
    return units[Measure(measure)] % shown


# ---------------------------------------------------------------- keys


def _key_created(payload: Payload, organization: Organization) -> Text:
    facts = _about_key(payload, organization)
    return Text(
        _("New API key: %(key)s") % facts,
        [
            _("%(who)s created the API key %(key)s in the project %(project)s of %(name)s.") % facts,
            _("If nobody meant to, revoke it on the API keys page: its requests fail at once."),
            _about_more(),
        ],
    )


def _key_regenerated(payload: Payload, organization: Organization) -> Text:
    facts = _about_key(payload, organization)
    grace = datetime.fromisoformat(payload["previous_secret_ends_at"])
    until = shown_dates.instant_text(grace.astimezone(organization.zone))
    return Text(
        _("API key with a new secret: %(key)s") % facts,
        [
            _("%(who)s gave the API key %(key)s in the project %(project)s of %(name)s a new secret.") % facts,
            _("The old secret stops at %(until)s. What still uses it fails with 401 from then on.") % {"until": until},
            _about_more(),
        ],
    )


def _key_revoked(payload: Payload, organization: Organization) -> Text:
    facts = _about_key(payload, organization)
    return Text(
        _("API key revoked: %(key)s") % facts,
        [
            _("%(who)s revoked the API key %(key)s in the project %(project)s of %(name)s.") % facts,
            _("What still uses it fails with 401. It cannot be brought back; a new key can be created."),
            _about_more(),
        ],
    )


def _about_key(payload: Payload, organization: Organization) -> dict[str, str]:
    project = organization.projects.filter(public_id=payload["project_id"]).first()
    return {
        "key": payload["name"],
        "project": project.name if project else payload["project_id"],
        "name": organization.name,
        "who": _who(payload["by"], organization),
    }


def _who(by: dict[str, str | None], organization: Organization) -> str:
    if by["type"] == "user":
        user = User.objects.filter(public_id=by["id"]).first()
        return user.get_full_name() if user else _("Somebody who has left")
    if by["type"] == "key":
        key = organization.api_keys.filter(public_id=by["id"]).first()
        return _("A script with the key %(key)s") % {"key": key.name if key else by["id"]}
    return _("The operator")


def _about_more() -> str:
    told = _("You get this as an owner, or since you created the key. At most %(most)s such mails are sent in an hour.")
    return told % {"most": MOST_ABOUT_KEYS}


# ---------------------------------------------------------------- credit


def _balance_low(payload: Payload, organization: Organization) -> Text:
    facts = {
        "name": organization.name,
        "posted": _in_usd(payload["posted"]),
        "percent": payload["threshold_percent"],
    }
    return Text(
        _("Little credit is left: %(posted)s") % facts,
        [
            _("%(name)s has %(posted)s of credit left, less than %(percent)s%% of what was given.") % facts,
            _("When it is used up, requests fail with 402. Add credit on the Billing page, for example with a code."),
        ],
    )


# ---------------------------------------------------------------- providers


def _provider_down(payload: Payload, organization: Organization) -> Text:
    facts = _outage(payload, organization)
    paragraphs = [_("A provider of %(models)s has not answered since %(since)s.") % facts]
    if payload["models_without_provider"]:
        paragraphs.append(_("Requests to %(alone)s fail with 503 and cost nothing until it is back.") % facts)
    else:
        paragraphs.append(_("Another provider answers meanwhile: requests go on."))
    return Text(_("A provider does not answer: %(models)s") % facts, paragraphs)


def _provider_up(payload: Payload, organization: Organization) -> Text:
    facts = _outage(payload, organization)
    return Text(
        _("A provider answers again: %(models)s") % facts,
        [_("A provider of %(models)s that did not answer since %(since)s does so again.") % facts],
    )


def _outage(payload: Payload, organization: Organization) -> dict[str, str]:
    since = datetime.fromisoformat(payload["since"]).astimezone(organization.zone)
    return {
        "models": ", ".join(payload["models"]),
        "alone": ", ".join(payload["models_without_provider"]),
        "since": shown_dates.instant_text(since),
    }


# ---------------------------------------------------------------- webhooks


def _webhook_disabled(payload: Payload, organization: Organization) -> Text:
    reasons = {
        "gone": _("It answered 410 Gone, which says that it wants no more messages."),
        "failing": _("Every message to it failed for five days."),
    }
    return Text(
        _("A webhook was switched off: %(url)s") % payload,
        [
            _("The webhook endpoint %(url)s was switched off.") % payload,
            reasons[payload["reason"]],
            _("Messages that waited for it are cancelled. Once it works, switch it on and replay what it missed."),
        ],
    )


# ---------------------------------------------------------------- test


def _test(payload: Payload, organization: Organization) -> Text:
    facts = {"name": organization.name}
    return Text(
        _("Test: alerts of %(name)s reach you") % facts,
        [
            _("Somebody at %(name)s sent a test from the page Limits & alerts. No limit was reached.") % facts,
            _("You get this since you are told when a limit of %(name)s is reached.") % facts,
        ],
    )


LIMIT_TEST = "limit.test"
_TEXTS: dict[str, Callable[[Payload, Organization], Text]] = {
    EventType.LIMIT_THRESHOLD_REACHED: _threshold_reached,
    EventType.LIMIT_REACHED: _limit_reached,
    EventType.BALANCE_LOW: _balance_low,
    EventType.KEY_CREATED: _key_created,
    EventType.KEY_REGENERATED: _key_regenerated,
    EventType.KEY_REVOKED: _key_revoked,
    EventType.PROVIDER_DOWN: _provider_down,
    EventType.PROVIDER_UP: _provider_up,
    EventType.WEBHOOK_DISABLED: _webhook_disabled,
}
