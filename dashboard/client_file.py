"""The command-line client as one file that any Python runs: a zip of its modules behind a first line for the shell."""

import io
import zipfile
from functools import cache
from pathlib import Path

from django.conf import settings

_FOLDER = Path(settings.BASE_DIR) / "client"
_FIRST_LINE = b"#!/usr/bin/env python3\n"
_MAIN = """import sys

try:
    from client.__main__ import main
except KeyboardInterrupt:
    sys.exit(130)
sys.exit(main())
"""
# The same modules make the same file, whenever and wherever it is made.
_MADE = (2020, 1, 1, 0, 0, 0)


@cache
def content() -> bytes:
    """The file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(_FOLDER.glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"client/{path.name}", _MADE), path.read_bytes(), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("__main__.py", _MADE), _MAIN)
    return _FIRST_LINE + packed.getvalue()
