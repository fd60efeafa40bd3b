"""Everything that a house keeps, to be searched for something that it must not keep."""

import base64
from collections.abc import Iterator
from pathlib import Path

from django.contrib.sessions.models import Session
from django.db import connection

from tests.running import RunningServer


def dump() -> Iterator[tuple[str, str]]:
    """Every table of the database in use with the text of every column of every row, sessions also as they read."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, " ".join(_text(value) for value in row)
    for session in Session.objects.all():
        yield "sessions, decoded", str(session.get_decoded())


def _text(value: object) -> str:
    if isinstance(value, memoryview | bytes):
        return f"{bytes(value).decode('latin-1')} {bytes(value).hex()}"
    return str(value)


def files(server: RunningServer) -> Iterator[Path]:
    """Every file of the house: mails, logs, the spool, on SQLite the database as it lies on the disk."""
    yield from (path for path in server.data_dir.rglob("*") if path.is_file() and "static" not in path.parts)
    if server.database_url.startswith("sqlite"):
        database = Path(server.database_url.removeprefix("sqlite://"))
        yield from database.parent.glob(f"{database.name}*")


def places(server: RunningServer, text: str) -> list[str]:
    """Where the text is kept, as it is or written in another way; nowhere when it is gone."""
    raw = text.encode()
    # Three ways in which a text can lie within something that is encoded in base64.
    hidden = {base64.b64encode(b"x" * shift + raw)[4:-4].decode() for shift in range(3)}
    spellings = {text, text[::-1], raw.hex(), *hidden}
    found = [table for table, row in dump() if any(spelling in row for spelling in spellings)]
    for path in files(server):
        content = path.read_bytes()
        found += [path.name for spelling in spellings if spelling.encode() in content]
    return found
