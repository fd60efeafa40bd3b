"""Set or remove a spending limit, token quota or request quota."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization, Project
from billing import limits, windows
from billing.limits import Subject, Terms
from billing.management.find_key import add_key_arguments, find_key
from billing.models import Window
from foundation.money import InvalidAmount, from_usd


class Command(BaseCommand):
    help = "Set a limit on an organization, project or key; it holds from the next request on."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        subject = parser.add_mutually_exclusive_group(required=True)
        subject.add_argument("--organization", metavar="ID", help="public id, org_…")
        subject.add_argument("--project", metavar="ID", help="public id, proj_…")
        add_key_arguments(subject)
        amount = parser.add_mutually_exclusive_group(required=True)
        amount.add_argument("--amount", metavar="USD", help="an exact amount such as 12.50")
        amount.add_argument("--requests", type=int, metavar="N")
        amount.add_argument("--tokens", type=int, metavar="N")
        parser.add_argument("--window", choices=Window.values, default="month", help="default: month")
        parser.add_argument("--soft", action="store_true", help="alert only, refuse nothing")
        parser.add_argument("--thresholds", metavar="PERCENTS", default="50,80,100", help="default: 50,80,100")
        parser.add_argument("--remove", action="store_true", help="remove the limit of this measure and window")

    def handle(self, *args: Any, **options: Any) -> None:
        subject = _subject(options)
        terms = _terms(options)
        if options["remove"]:
            self._remove(subject, terms)
            return
        try:
            limit = limits.set_limit(subject, terms)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        [status] = limits.status([limit])
        said = windows.said
        kind = "hard" if limit.is_hard else "soft"
        self.stdout.write(
            f"{limit.public_id}: {kind} {windows.limit_name(limit.measure, limit.window)} of "
            f"{said(limit.measure, limit.amount)} on the {limit.scope} {limit.subject}; "
            f"{said(limit.measure, status.settled)} used in this period."
        )

    def _remove(self, subject: Subject, terms: Terms) -> None:
        found = limits.find(subject, terms.measure, terms.window)
        if found is None:
            raise CommandError(f"There is no {windows.limit_name(terms.measure, terms.window)} on {subject}.")
        limits.remove(found)
        self.stdout.write(f"{found.public_id} removed.")


def _subject(options: dict[str, Any]) -> Subject:
    key = find_key(options)
    if key is not None:
        return key
    model, public_id, prefix = (
        (Organization, options["organization"], "org_")
        if options["organization"]
        else (Project, options["project"], "proj_")
    )
    found = model.objects.filter(public_id=public_id).first()
    if found is None:
        raise CommandError(f"There is no {model.__name__.lower()} {public_id}; its id begins with {prefix}.")
    return found


def _terms(options: dict[str, Any]) -> Terms:
    if options["amount"] is not None:
        try:
            measure, amount = windows.USD, from_usd(options["amount"])
        except InvalidAmount as error:
            raise CommandError(f"--amount: {error}") from error
    elif options["requests"] is not None:
        measure, amount = windows.REQUESTS, options["requests"]
    else:
        measure, amount = windows.TOKENS, options["tokens"]
    try:
        thresholds = tuple(int(text) for text in options["thresholds"].split(",") if text.strip())
    except ValueError as error:
        raise CommandError("--thresholds is a list of whole percents such as 50,80,100.") from error
    return Terms(measure, amount, options["window"], not options["soft"], thresholds)
