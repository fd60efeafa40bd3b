"""A number that changes with every change of some tables, made by the database itself: a cache of what they hold is
true as long as the number is the same, whoever writes to them and by whatever way.
"""

from typing import Any

from django.db import connections

# Random, not counted: a number that was rolled back never comes again.
_SQLITE = """
CREATE TRIGGER IF NOT EXISTS {table}_revised_by_{verb} AFTER {verb} ON {table}
BEGIN UPDATE {revision} SET number = random() WHERE id = 1; END
"""
_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION {revision}_changes() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN UPDATE {revision} SET number = (random() * 9007199254740992)::bigint WHERE id = 1; RETURN NULL; END $$
"""
_POSTGRESQL = """
CREATE OR REPLACE TRIGGER {table}_revised AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {revision}_changes()
"""


def installer(revision: str, *tables: str) -> Any:
    """A post_migrate receiver: row 1 of the table `revision` (id, number) changes with every change of `tables`."""

    def after_migrate(using: str = "default", **_: Any) -> None:
        connection = connections[using]
        existing = set(connection.introspection.table_names())
        if not {revision, *tables} <= existing:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {revision} (id, number) VALUES (1, 1) ON CONFLICT (id) DO NOTHING")  # noqa: S608
            for statement in _statements(connection.vendor, revision, tables):
                cursor.execute(statement)

    return after_migrate


def _statements(vendor: str, revision: str, tables: tuple[str, ...]) -> list[str]:
    if vendor == "postgresql":
        triggers = [_POSTGRESQL.format(table=table, revision=revision) for table in tables]
        return [_POSTGRESQL_FUNCTION.format(revision=revision), *triggers]
    return [
        _SQLITE.format(table=table, revision=revision, verb=verb)
        for table in tables
        for verb in ("insert", "update", "delete")
    ]
