"""Would a request be answered, by which rule, and what is left of every limit. Spends nothing."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from billing import explanation
from billing.explanation import Explanation, Question
from billing.management.find_key import add_key_arguments, find_key

_WITHOUT_RESET = {"requests per minute": "rolling"}
_HEADS = ("scope", "limit", "of", "used", "left", "this needs", "resets")


class Command(BaseCommand):
    help = "Say whether a request of a key would be answered, by which rule, and what is left of every limit."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        key = parser.add_mutually_exclusive_group(required=True)
        add_key_arguments(key)
        parser.add_argument("--model", required=True)
        parser.add_argument("--input-tokens", type=int, default=1000, metavar="N", help="default: 1000")
        parser.add_argument("--max-tokens", type=int, metavar="N", help="default: the model's maximum")
        parser.add_argument("--address", metavar="IP", help="the client's address; without it networks are not checked")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["input_tokens"] < 0 or (options["max_tokens"] or 1) < 1:
            raise CommandError("--input-tokens is zero or more, --max-tokens at least 1.")
        key = find_key(options)
        assert key is not None
        found = explanation.explain(
            Question(
                model=options["model"],
                input_tokens=options["input_tokens"],
                max_tokens=options["max_tokens"],
                address=options["address"],
                key_id=key.pk,
            )
        )
        if options["json"]:
            self.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        else:
            self._print(str(key), found)

    def _print(self, key: str, found: Explanation) -> None:
        self.stdout.write(f"{key}: {'ALLOWED' if found.allowed else 'REFUSED'} ({found.rule})")
        self.stdout.write(found.message)
        if found.output_lowered:
            self.stdout.write(f"The output would be cut to {found.output_cap} tokens, which is what can be paid.")
        rows = [_HEADS] + [
            (
                line.scope,
                line.name + ("" if line.is_hard else " (soft)"),
                line.limit,
                line.used,
                line.left,
                line.needs or "-",
                line.resets_at or _WITHOUT_RESET.get(line.name, "never"),
            )
            for line in found.lines
        ]
        widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADS))]
        for row in rows:
            self.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
