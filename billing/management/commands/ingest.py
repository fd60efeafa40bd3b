"""Record the usage in a file."""

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization, Project
from billing.ingestion.attribution import Reporter
from billing.ingestion.backfill import Source, backfill
from billing.ingestion.draft import LATE
from billing.ingestion.event import LONGEST_NAME
from billing.ingestion.file_rows import UnreadableFile
from billing.ingestion.mappings import MAPPINGS
from billing.management.progress_bar import ProgressBar
from billing.models import FileImport

REFUSED = 1
_ANY_AGE = timedelta(days=36_500)


class Command(BaseCommand):
    help = (
        "Record the usage in a file, CSV or JSON Lines (also .gz): each event once, priced as of its time. Stopped at "
        "any moment, the same command goes on where it was. Exit status: 0 all recorded, 1 some rows were refused."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--organization", required=True, metavar="ID", help="whose usage it is; org_…")
        parser.add_argument("--project", metavar="ID", help="of rows that name none; default: the oldest, proj_…")
        parser.add_argument(
            "--format", choices=sorted(MAPPINGS), default="cloudevents", help="whose log it is; default: cloudevents"
        )
        parser.add_argument("--source", metavar="NAME", help="tells ids of several logs apart; default: the format")
        parser.add_argument(
            "--model", action="append", default=[], metavar="LOG=OURS", help="the log's name of a model; repeatable"
        )
        parser.add_argument("--any-age", action="store_true", help=f"also what is older than {LATE.days} days")
        parser.add_argument(
            "--from-start", action="store_true", help="read again what was recorded; counts nothing twice"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(public_id=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']}; its id begins with org_.")
        source = _source(options)
        reporter = Reporter(_project(organization, options["project"]))
        bar = ProgressBar(self.stderr)
        try:
            bar.begin(f"bytes of {source.path.name}", source.path.stat().st_size)
            read = 0

            def tell(position: int) -> None:
                nonlocal read
                bar.advance(position - read)
                read = position

            done = backfill(organization, reporter, source, tell, afresh=options["from_start"])
        except (OSError, UnreadableFile) as error:
            bar.clear()
            raise CommandError(f"{source.path}: {error}") from error
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("Stopped. The same command goes on where it was.", returncode=130) from None
        bar.clear()
        self._tell(done, source)

    def _tell(self, done: FileImport, source: Source) -> None:
        self.stdout.write(
            f"{done.rows:,} rows: {done.accepted:,} events recorded, {done.duplicate:,} known before, "
            f"{done.passed_over:,} rows without usage, {done.conflict + done.rejected:,} refused."
        )
        if done.conflict or done.rejected:
            raise CommandError(f"What was refused, and why: {source.refused}", returncode=REFUSED)


def _source(options: dict[str, Any]) -> Source:
    name = options["source"] or options["format"]
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise CommandError(f"--source has 1 to {LONGEST_NAME} characters that can be seen.")
    models = dict(pair.partition("=")[::2] for pair in options["model"])
    if not all(models) or not all(models.values()):
        raise CommandError("--model needs both names, such as --model gpt-4o-2024-11-20=gpt-4o.")
    late = _ANY_AGE if options["any_age"] else LATE
    return Source(options["file"], options["format"], name, models, late)


def _project(organization: Organization, public_id: str | None) -> Project:
    live = organization.projects.filter(archived_at=None).order_by("pk")
    found = live.filter(public_id=public_id).first() if public_id else live.first()
    if found is None:
        named = f"no project {public_id} that is not archived" if public_id else "no project that is not archived"
        raise CommandError(f"{organization.name} has {named}.")
    return found
