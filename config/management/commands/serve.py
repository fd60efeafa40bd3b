"""`manage.py serve`: bring the database up to date, open the house on its first start, and serve it."""

import signal
import socket
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from billing import opening
from config import server
from config.demo_child import DemoChild
from config.schedule import JOBS
from config.ticker import Ticker


class Command(BaseCommand):
    help = "Serves the gateway, the console and the API; migrates and seeds first."
    # `migrate`, which this calls, runs them.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="0 takes a free one.")
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--demo", action="store_true", help="Add a demo organization with 90 days of usage.")

    def handle(self, *, host: str, port: int, workers: int, demo: bool, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers is 1 or more.")
        if workers > 1 and not settings.REDIS_URL:
            raise CommandError("More than one worker needs REDIS_URL: without it each would count its own rate limits.")
        try:
            server.make_room(settings.DATA_DIR)
        except OSError as error:
            raise CommandError(
                f"DATA_DIR={settings.DATA_DIR}: {error.strerror}. Settlements wait there while the database is away: "
                "choose a folder that this user can write to."
            ) from error
        try:
            lock = None if settings.REDIS_URL else server.lock(settings.DATA_DIR)
        except BlockingIOError as error:
            raise CommandError(
                f"Another server runs on {settings.DATA_DIR}: without REDIS_URL each would count its own rate limits. "
                "Stop it, choose another DATA_DIR, or set REDIS_URL."
            ) from error
        # Until the server takes the signals over, a stop request must still end the child and the ticker.
        signal.signal(signal.SIGTERM, _leave)
        try:
            listener = server.listen(host, port)
        except OverflowError as error:
            raise CommandError(f"{port} is no port: choose one from 1 to 65535, or 0 for a free one.") from error
        except OSError as error:
            raise CommandError(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
        self._prepare()
        child = self._demo_provider() if settings.DEMO_PROVIDER else None
        ticker = Ticker(JOBS) if settings.TICKER else None
        try:
            self._welcome(_url(listener, host), demo)
            if ticker:
                ticker.start()
            server.run(listener, workers)
        except KeyboardInterrupt:
            pass
        finally:
            if ticker:
                ticker.stop()
            if child:
                child.stop()
            if lock:
                lock.close()

    def _prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        try:
            seeded = opening.seed_if_empty()
        except ValidationError as error:
            raise CommandError(f"CATALOG_FILE: {' '.join(error.messages)}") from error
        for line in seeded:
            self.stdout.write(line)
        try:
            connected = opening.connect_from_environment()
        except ValidationError as error:
            raise CommandError(f"UPSTREAM_BASE_URL: {' '.join(error.messages)}") from error
        if connected:
            self.stdout.write(f"connected {settings.UPSTREAM_BASE_URL}")

    def _demo_provider(self) -> DemoChild:
        child = DemoChild()
        try:
            opening.route_demo(child.base_url())
        except BaseException:
            child.stop()
            raise
        return child

    def _welcome(self, url: str, demo: bool) -> None:
        first = opening.first_start()
        if first:
            self.stdout.write(
                f"\nFirst start. This is shown once:\n"
                f"  e-mail    {first.email}\n"
                f"  password  {first.password}\n"
                f"  API key   {first.secret}\n\n"
                f"Try it:\n"
                f"  curl {url}/v1/chat/completions -H 'Authorization: Bearer {first.secret}' "
                f"-H 'Content-Type: application/json' "
                """-d '{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello!"}]}'\n"""
            )
        if demo:
            call_command("demo_data", stdout=self.stdout)
        self.stdout.write(f"Meterhouse is at {url} (Ctrl+C stops it)")
        self.stdout.flush()


def _url(listener: socket.socket, host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return settings.PUBLIC_URL or f"http://{shown}:{listener.getsockname()[1]}"


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
