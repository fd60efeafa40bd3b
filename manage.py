#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError, connection


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Meterhouse cannot start: {error}")
    except OperationalError as error:
        place = {**connection.settings_dict, "PORT": connection.settings_dict["PORT"] or "its usual port"}
        at = "{NAME} on {HOST}, {PORT}" if place["HOST"] else "{NAME}"
        sys.exit(f"The database {at.format(**place)} (DATABASE_URL) cannot be used: {error}")


if __name__ == "__main__":
    main()
