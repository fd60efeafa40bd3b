"""Recompute the books from the raw events and print what differs."""

import time
from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import Organization
from billing.management.progress_bar import ProgressBar
from billing.models import DaySeal
from billing.verification import books
from billing.verification.difference import Difference
from billing.verification.scope import Scope

FOUND, NOT_RUN = 1, 2


class Command(BaseCommand):
    help = (
        "Recompute every charge, balance, grant, window, alert, rollup and day seal from the raw events, of one moment "
        "and while the server runs. Exit status: 0 no difference, 1 differences, 2 it could not run."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="ID", help="only this one; its public id, org_…")
        parser.add_argument("--days", type=int, metavar="N", help="recompute only the last N day seals; default: all")
        parser.add_argument("--json", action="store_true", help="one line of JSON a difference, and nothing else")
        parser.add_argument("--quiet", action="store_true", help="differences only: no bar, no summary")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = ProgressBar(self.stderr, silent=options["quiet"] or options["json"])
        started = time.monotonic()
        try:
            number = self._verify(bar, options)
        except DatabaseError as error:
            bar.clear()
            raise CommandError(f"The books could not be read: {error}", returncode=NOT_RUN) from error
        bar.clear()
        if not options["quiet"] and not options["json"]:
            found = "no difference" if not number else f"{number:,} difference{'s' * (number > 1)}"
            self.stdout.write(f"Books verified in {time.monotonic() - started:.1f} s: {found}.")
            if seal := DaySeal.objects.first():
                self.stdout.write(f"Sealed up to {seal.day}: {seal.hash}")
        if number:
            raise CommandError("The books differ from the raw events.", returncode=FOUND)

    def _verify(self, bar: ProgressBar, options: dict[str, Any]) -> int:
        scope = Scope(
            now=timezone.now(),
            progress=bar,
            organization_id=_organization_id(options["organization"]),
            seal_days=options["days"],
        )
        number = 0
        for number, found in enumerate(books.verify(scope), start=1):  # noqa: B007
            bar.clear()
            self._print(found, as_json=options["json"])
        return number

    def _print(self, found: Difference, *, as_json: bool) -> None:
        self.stdout.write(orjson.dumps(found.as_json()).decode() if as_json else str(found))


def _organization_id(public_id: str | None) -> int | None:
    if public_id is None:
        return None
    found = Organization.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no organization {public_id}; its id begins with org_.", returncode=NOT_RUN)
    return found
