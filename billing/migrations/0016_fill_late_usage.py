from django.db import migrations

BUCKET = 900
AT_ONCE = 10_000


def fill(apps, schema_editor):
    """From the events of all batches."""
    late = apps.get_model("billing", "LateUsage")
    sums = {}
    for batch in apps.get_model("billing", "IngestionBatch").objects.order_by("pk").iterator():
        charged_in = _bucket(batch.received_at)
        events = apps.get_model("usage", "UsageEvent").objects.filter(
            pk__gte=batch.first_event_id, pk__lte=batch.last_event_id, batch_id=batch.pk
        )
        for at, source, charge in events.values_list("occurred_at", "usage_source", "charge").iterator():
            used_in = _bucket(at)
            if used_in != charged_in:
                found = sums.setdefault((batch.organization_id, charged_in, used_in), [0, 0])
                found[0] += {"voided": -1, "amended": 0}.get(source, 1)
                found[1] += charge
    late.objects.bulk_create(
        (
            late(organization_id=who, charged_in=charged_in, used_in=used_in, requests=requests, charge=charge)
            for (who, charged_in, used_in), (requests, charge) in sums.items()
            if requests or charge
        ),
        batch_size=AT_ONCE,
    )


def _bucket(at):
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0015_late_usage'),
        ('usage', '0009_key_totals'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
