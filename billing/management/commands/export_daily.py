"""Write an organization's days into a directory of this machine, from now on or once."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.actor import SYSTEM
from accounts.models import Organization
from billing import exports
from billing.models import ExportContent, ExportFormat, ExportPlace, ScheduledExport


class Command(BaseCommand):
    help = "Write each day of an organization into a directory: usage, requests and ledger, when the day is over."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="ID", required=True, help="public id, org_…")
        parser.add_argument("--directory", metavar="PATH", required=True, help="absolute, there already, and writable")
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.CSV, help="default: csv")
        parser.add_argument("--contents", metavar="NAMES", default=",".join(ExportContent.values), help="default: all")
        parser.add_argument("--first-day", metavar="DAY", type=date.fromisoformat, help="default: today")
        parser.add_argument("--remove", action="store_true", help="end the export into this directory")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(public_id=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']}; its id begins with org_.")
        there = ScheduledExport.objects.not_removed().filter(
            organization=organization, place=ExportPlace.DIRECTORY, directory=options["directory"]
        )
        if options["remove"]:
            self._remove(there.first(), options["directory"])
            return
        if found := there.first():
            raise CommandError(f"{found.public_id} writes there already. End it with --remove.")
        try:
            export = exports.to_directory(
                organization,
                options["directory"],
                contents=options["contents"].split(","),
                format_=options["format"],
                first_day=options["first_day"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(
            f"{export.public_id}: {', '.join(export.contents)} of {organization} from {export.next_day} on "
            f"into {export.directory}, two hours after each day in {organization.time_zone}."
        )

    def _remove(self, export: ScheduledExport | None, directory: str) -> None:
        if export is None:
            raise CommandError(f"No export of this organization writes into {directory}.")
        exports.remove(export, SYSTEM)
        self.stdout.write(f"{export.public_id} removed; its files stay.")
