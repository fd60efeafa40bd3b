"""Damage of the kind that only somebody with the database's password can do."""

from typing import Any

from django.db import connection


def ruin(sql: str, *params: Any) -> int:
    """Change rows by one statement, append-only or checked or not; the number of rows it changed."""
    words = sql.split()
    verb = words[0].lower()
    table = words[1] if verb == "update" else words[2]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _open_postgresql(cursor, table)
        else:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        cursor.execute(sql, params or None)
        changed: int = cursor.rowcount
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    return changed


def _open_postgresql(cursor: Any, table: str) -> None:
    # Foreign keys that are still to be checked would keep the table closed.
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
