"""Create redemption codes and print them, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing import codes
from billing.codes import Terms
from billing.management.instant import future
from foundation.money import InvalidAmount, from_usd, usd_string

_MOST = 10_000


class Command(BaseCommand):
    help = "Create redemption codes; each is printed once, one a line, and stored as a keyed hash."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--amount", required=True, metavar="USD", help="credit of one redemption, such as 12.50")
        parser.add_argument("--count", type=int, default=1, metavar="N", help="how many codes; default: 1")
        parser.add_argument("--uses", type=int, default=1, metavar="N", help="organizations a code; default: 1")
        parser.add_argument("--expires", metavar="ISO", help="until when codes can be redeemed, such as 2027-01-01")
        parser.add_argument("--valid-days", type=int, metavar="N", help="days that the credit lasts; default: for ever")
        parser.add_argument("--note", default="", metavar="T", help="what they are for; customers do not see it")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["count"] <= _MOST:
            raise CommandError(f"--count is 1 to {_MOST}.")
        try:
            amount = from_usd(options["amount"])
        except InvalidAmount as error:
            raise CommandError(f"--amount: {error}") from error
        expires_at = future(options["expires"], "--expires")
        terms = Terms(amount, options["uses"], expires_at, options["valid_days"], options["note"])
        try:
            with transaction.atomic():
                made = [codes.create(terms) for _ in range(options["count"])]
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for issued in made:
            self.stdout.write(issued.text)
        self.stderr.write(
            f"{len(made)} of ${usd_string(amount)} each. Keep them now: they cannot be shown again.", ending="\n"
        )
