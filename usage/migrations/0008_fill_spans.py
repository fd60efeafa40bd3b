"""Fold what is pending, and sum the 15-minute buckets of before up in spans, with what cached input saved.

In one transaction, while nothing else runs: a migration that is interrupted begins anew. Ten million buckets take minutes.
"""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from django.db import migrations

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_KEY_WIDTHS, _PROJECT_WIDTHS = (240, 1440, 5760, 23040), (15, 60, 240, 1440)
# As long as the longest span, so that every span is made at once.
_PART = timedelta(minutes=23040)
_WHO = "organization_id, bucket, project_id, api_key_id, model"
_COUNTS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge")
_SAVED = ("saved", "saved_pico")


def fill(apps, schema_editor):
    connection = schema_editor.connection
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        _fold(cursor)
        cursor.execute("SELECT DISTINCT organization_id FROM usage_usagerollup ORDER BY organization_id")
        for (organization_id,) in cursor.fetchall():
            cursor.execute(
                "SELECT DISTINCT bucket FROM usage_usagerollup WHERE organization_id = %s ORDER BY bucket",
                [organization_id],
            )
            buckets = [row[0] if row[0].tzinfo else row[0].replace(tzinfo=UTC) for row in cursor.fetchall()]
            for _, part in groupby(buckets, key=lambda bucket: (bucket - _EPOCH) // _PART):
                chosen = list(part)
                _save(cursor, adapt, organization_id, chosen)
                _sum_up(cursor, adapt, organization_id, chosen, "usage_keyspan", ("project_id", "api_key_id"), _KEY_WIDTHS)
                _sum_up(cursor, adapt, organization_id, chosen, "usage_projectspan", ("project_id",), _PROJECT_WIDTHS)


def _fold(cursor):
    sums = ", ".join(f"SUM({name})" for name in _COUNTS)
    added = ", ".join(f"{name} = usage_usagerollup.{name} + excluded.{name}" for name in _COUNTS)
    cursor.execute(
        f"INSERT INTO usage_usagerollup ({_WHO}, {', '.join(_COUNTS)}) SELECT {_WHO}, {sums} "  # noqa: S608
        f"FROM usage_pendingrollup WHERE 1 = 1 GROUP BY {_WHO} ON CONFLICT ({_WHO}) DO UPDATE SET {added}"
    )
    cursor.execute("DELETE FROM usage_pendingrollup")


def _save(cursor, adapt, organization_id, buckets):
    """What cached input saved, from the events of these buckets, which alone know their prices."""
    values = ",".join(["(%s,%s)"] * len(buckets))
    params = [value for bucket in buckets for value in (adapt(bucket), adapt(bucket + _QUARTER))]
    saved = "(e.input_price - e.cached_input_price) * e.cached_input_tokens"
    cursor.execute(
        "UPDATE usage_usagerollup SET saved = s.nano, saved_pico = s.pico FROM (SELECT time.column1 AS bucket, "  # noqa: S608
        f"e.project_id, e.api_key_id, e.model, SUM({saved} / 1000) AS nano, SUM({saved} - {saved} / 1000 * 1000) AS pico "
        f"FROM (VALUES {values}) time CROSS JOIN usage_usageevent e WHERE e.organization_id = %s "
        "AND e.occurred_at >= time.column1 AND e.occurred_at < time.column2 AND e.cached_input_tokens <> 0 "
        "GROUP BY time.column1, e.project_id, e.api_key_id, e.model) s WHERE usage_usagerollup.organization_id = %s "
        "AND usage_usagerollup.bucket = s.bucket AND usage_usagerollup.project_id = s.project_id "
        "AND usage_usagerollup.api_key_id = s.api_key_id AND usage_usagerollup.model = s.model",
        [*params, organization_id, organization_id],
    )


def _sum_up(cursor, adapt, organization_id, buckets, table, of, widths):
    values = ",".join(["(%s,%s,%s)"] * (len(buckets) * len(widths)))
    params = [
        value
        for bucket in buckets
        for width in widths
        for value in (adapt(bucket), width, adapt(_start(bucket, width)))
    ]
    names = ", ".join((*_COUNTS, *_SAVED))
    sums = ", ".join(f"SUM(r.{name})" for name in (*_COUNTS, *_SAVED))
    who = ", ".join(f"r.{name}" for name in ("organization_id", *of, "model"))
    cursor.execute(
        f"INSERT INTO {table} (organization_id, {', '.join(of)}, model, width, bucket, {names}) "  # noqa: S608
        f"SELECT {who}, span.column2, span.column3, {sums} FROM usage_usagerollup r "
        f"JOIN (VALUES {values}) span ON r.bucket = span.column1 WHERE r.organization_id = %s AND r.bucket >= %s "
        f"AND r.bucket <= %s GROUP BY {who}, span.column2, span.column3 "
        f"ORDER BY span.column2, span.column3, {who}",
        [*params, organization_id, adapt(buckets[0]), adapt(buckets[-1])],
    )


def _start(at, width):
    span = timedelta(minutes=width)
    return _EPOCH + (at - _EPOCH) // span * span


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0007_spans'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
