"""Give an organization credit."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from billing import balances, grants
from billing.management.instant import future
from foundation.money import InvalidAmount, from_usd, usd_string


class Command(BaseCommand):
    help = "Give an organization credit; its next request can spend it."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", required=True, metavar="ID", help="public id, org_…")
        parser.add_argument("--amount", required=True, metavar="USD", help="an exact amount such as 12.50")
        parser.add_argument("--expires", metavar="ISO", help="when what is left ends, such as 2027-01-01")
        parser.add_argument("--note", default="", metavar="T", help="why; the organization sees it")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(public_id=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']}; its id begins with org_.")
        if len(options["note"]) > 200:
            raise CommandError("--note has at most 200 characters.")
        expires_at = future(options["expires"], "--expires")
        try:
            amount = from_usd(options["amount"])
            grants.give(organization, amount, note=options["note"], expires_at=expires_at)
        except InvalidAmount as error:
            raise CommandError(f"--amount: {error}") from error
        available = usd_string(balances.balance(organization.pk).available)
        self.stdout.write(f"${usd_string(amount)} given to {organization}; ${available} available.")
