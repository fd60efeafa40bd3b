"""Compare the charges of a model with what the right prices would have charged, and give the difference back."""

import hashlib
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from billing import repricing
from billing.management import table
from billing.management.progress_bar import ProgressBar
from billing.repricing import Correction, NotClosed, Result, RunTaken
from catalog.models import LanguageModel
from foundation.money import InvalidAmount, price_from_usd_per_million, usd_string
from foundation.periods import iso
from usage.models import UsageEvent

_HEADS = ("organization", "", "events", "charged, USD", "would be, USD", "difference, USD", "given back, USD")
_NUMBERS = (2, 3, 4, 5, 6)
_PRICES = ("input_price", "cached_input_price", "output_price")
_LONGEST_RUN = 80


class Command(BaseCommand):
    help = (
        "After a wrong price: show by organization what the right prices would have charged, and with --post give back "
        "what was too much. The right prices are those named, else what the catalog says today for each moment. What "
        "was too little is shown and never billed. No charge is changed."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", required=True, metavar="NAME")
        parser.add_argument("--since", required=True, type=_instant, metavar="ISO", help="UTC unless it names a zone")
        parser.add_argument("--until", required=True, type=_instant, metavar="ISO", help="the first instant after")
        parser.add_argument("--organization", metavar="ID", help="only this one; its public id, org_…")
        for name in _PRICES:
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=_price, metavar="USD", help="USD per 1M tokens; a class not named stays")
        parser.add_argument("--run", metavar="NAME", help="names what is given back; default: made of the arguments")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="only show; the default")
        what.add_argument("--post", action="store_true", help="give back; running it again resumes and never repeats")

    def handle(self, *args: Any, **options: Any) -> None:
        correction = _correction(options)
        bar = ProgressBar(self.stderr)
        period = {"occurred_at__gte": correction.since, "occurred_at__lt": correction.until}
        bar.begin("requests", UsageEvent.objects.filter(model=correction.model, **period).count())
        try:
            verb = repricing.post if options["post"] else repricing.compare
            results = verb(correction, bar.advance)
        except (NotClosed, RunTaken) as error:
            bar.clear()
            raise CommandError(str(error)) from error
        bar.clear()
        self._print(correction, results, posted=options["post"])

    def _print(self, correction: Correction, results: list[Result], *, posted: bool) -> None:
        period = f"{iso(correction.since)} to {iso(correction.until)}"
        self.stdout.write(f"Run {correction.run}: {correction.model}, {period}")
        rows = [_row(result.organization.name, result.organization.public_id, [result]) for result in results]
        for line in table.lines([_HEADS, *rows, _row("all", "", results)], right=_NUMBERS):
            self.stdout.write(line)
        too_little = sum(result.too_little for result in results)
        if too_little:
            self.stdout.write(f"{usd_string(too_little)} USD were charged too little; they are never billed.")
        if not posted:
            self.stdout.write("Nothing was given back: this was a dry run; --post does it.")
        elif not any(result.too_much for result in results):
            self.stdout.write("There was nothing to give back.")


def _row(name: str, public_id: str, results: list[Result]) -> tuple[str, ...]:
    sums = [sum(values) for values in zip(*map(_amounts, results), strict=True)] or [0] * 4
    return (name, public_id, f"{sum(result.events for result in results):,}", *map(usd_string, sums))


def _amounts(result: Result) -> tuple[int, int, int, int]:
    return result.charged, result.repriced, result.difference, result.too_much


def _correction(options: dict[str, Any]) -> Correction:
    if not LanguageModel.objects.filter(name=options["model"]).exists():
        raise CommandError(f"There is no model {options['model']} in the catalog.")
    if options["since"] >= options["until"]:
        raise CommandError("--since must be before --until.")
    prices = {name: options[name] for name in _PRICES}
    run = options["run"] or _run(options)
    if len(run) > _LONGEST_RUN:
        raise CommandError(f"The name of a run has at most {_LONGEST_RUN} characters.")
    return Correction(
        run=run,
        model=options["model"],
        since=options["since"],
        until=options["until"],
        from_catalog=all(price is None for price in prices.values()),
        organization_id=_organization_id(options["organization"]),
        **prices,
    )


def _run(options: dict[str, Any]) -> str:
    """The same for the same arguments, so that the same command resumes."""
    said = [options["model"], iso(options["since"]), iso(options["until"]), *(options[name] for name in _PRICES)]
    return f"{options['model'][:60]}-{hashlib.sha256(repr(said).encode()).hexdigest()[:12]}"


def _organization_id(public_id: str | None) -> int | None:
    if public_id is None:
        return None
    found = Organization.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no organization {public_id}; its id begins with org_.")
    return found


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _price(text: str) -> int:
    try:
        return price_from_usd_per_million(text)
    except InvalidAmount as error:
        raise CommandError(str(error)) from error
