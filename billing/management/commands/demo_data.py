"""Add the demo organization: people, projects, keys and 90 days of usage."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import demo_history, demo_organization, opening
from billing.models import DaySeal

_WIDTH = 32


class Command(BaseCommand):
    help = "Adds a demo organization with 90 days of believable usage; a second run changes nothing but the password."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--password", help="Of all demo people; without it the first run makes one.")

    def handle(self, *args: Any, password: str | None, **options: Any) -> None:
        if demo_organization.exists():
            self._again(password)
            return
        if DaySeal.objects.exists():
            raise CommandError("Days of this database are sealed: no past can be added to it. Use a fresh one.")
        opening.seed_if_empty()
        password = password or secrets.token_urlsafe(12)
        try:
            requests = demo_history.make(password, self._progress)
        except demo_history.MissingModel as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"\nDemo organization {demo_organization.NAME}: {requests:,} requests in {demo_history.DAYS} days.\n"
            f"  e-mail    {demo_organization.OWNER}\n"
            f"  password  {password}\n"
            "The same password for:"
        )
        for person in demo_organization.PEOPLE[1:]:
            self.stdout.write(f"  {person.email:<27}{person.role.label}")

    def _again(self, password: str | None) -> None:
        self.stdout.write(
            f"The demo organization {demo_organization.NAME} is there: log in as {demo_organization.OWNER}."
        )
        if password:
            demo_organization.set_password(password)
            self.stdout.write("Its people have the new password.")
        else:
            self.stdout.write("The password was shown when it was made; `demo_data --password NEW` sets another.")

    def _progress(self, done: int, total: int) -> None:
        """A bar in the terminal, nothing elsewhere."""
        if not self.stderr.isatty():
            return
        filled = done * _WIDTH // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        self.stderr.write(f"\r[{bar}] day {done} of {total}", ending="\n" if done == total else "")
        self.stderr.flush()
