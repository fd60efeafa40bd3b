"""Print why a request cost what it cost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import price_explanation
from billing.management import table
from billing.price_explanation import Explanation, Line, Unexplained
from billing.price_history import KnownPrice
from foundation.money import PICO_PER_NANO, pico_usd_string, usd_per_million_string, usd_string
from foundation.periods import iso

_HEADS = ("", "tokens", "USD per 1M", "pico-USD a token", "amount, USD", "why")
_NUMBERS = (1, 2, 3, 4)


class Command(BaseCommand):
    help = "Say why a request cost what it cost: each token class, its price and where that came from, to the pico-USD."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="ID", help="a request id (req_…) or the id of a usage event")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        try:
            found = price_explanation.of_request(reference)
        except Unexplained as error:
            raise CommandError(f"{error} Run `manage.py verify_ledger`.") from error
        if not found:
            raise CommandError(
                f"There is no usage event of request {reference}. What was refused or failed costs nothing."
            )
        for explanation in found:
            self._print(explanation)

    def _print(self, found: Explanation) -> None:
        self.stdout.write(
            f"{found.request_id} (event {found.event_id}): {found.model} for {found.organization}, {iso(found.at)}"
        )
        charge = ("charge", "", "", "", pico_usd_string(found.charge * PICO_PER_NANO), "")
        for text in table.lines([_HEADS, *map(_row, found.lines), charge], right=_NUMBERS):
            self.stdout.write(text)
        for line in found.lines:
            self._print_others(line)
        for run, amount in found.given_back:
            self.stdout.write(f"Given back since: {usd_string(amount)} USD by the repricing {run}.")

    def _print_others(self, line: Line) -> None:
        for row in line.overrode:
            self.stdout.write(f"{line.name}: goes before {_said(row)}")
        if line.corrected:
            entered = iso(line.corrected.created_at)
            self.stdout.write(f"{line.name}: {_said(line.corrected)} was entered for that moment on {entered}")


def _said(row: KnownPrice) -> str:
    price = usd_per_million_string(row.unit_price)
    return f"price {row.price_id} of {price} {row.scope_name} from {iso(row.effective_from)}"


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.name.replace("_", " "),
        "" if line.count is None else f"{line.count:,}",
        "" if line.unit_price is None else usd_per_million_string(line.unit_price),
        "" if line.unit_price is None else str(line.unit_price),
        pico_usd_string(line.amount),
        line.why,
    )
