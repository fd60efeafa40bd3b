"""Bring models, prices and plans up to the seed file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from catalog import seed


class Command(BaseCommand):
    help = "Bring models, prices and plans up to a seed file; running it again changes nothing."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: CATALOG_FILE, or the one that comes along")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"] or settings.CATALOG_FILE
        try:
            said = seed.seed(path)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for line in said:
            self.stdout.write(line)
        if not said:
            self.stdout.write(f"The catalog agrees with {path.name}.")
