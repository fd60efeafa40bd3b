"""Days of a key with all its models: what the spans by model have, summed up while nothing else runs."""

import django.db.models.deletion
from django.db import migrations, models

_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge", "saved", "saved_pico")
_WHO = "organization_id, width, bucket, project_id, api_key_id"


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO usage_keytotal ({_WHO}, {', '.join(_SUMS)}) "  # noqa: S608
            f"SELECT {_WHO}, {', '.join(f'SUM({name})' for name in _SUMS)} FROM usage_keyspan "
            f"WHERE width IN (1440, 5760, 23040) GROUP BY {_WHO} ORDER BY {_WHO}"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_access_and_playground'),
        ('usage', '0008_fill_spans'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeyTotal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bucket', models.DateTimeField(help_text='Start of the time that is summed up, UTC.')),
                ('requests', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cached_input_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('charge', models.BigIntegerField(help_text='nano-USD')),
                ('saved', models.BigIntegerField(db_default=0, default=0, help_text='nano-USD that cached input would have cost more at the price of input.')),
                ('saved_pico', models.BigIntegerField(db_default=0, default=0, help_text='pico-USD that it would have cost besides.')),
                ('width', models.SmallIntegerField(help_text='Minutes.')),
                ('api_key', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'width', 'bucket', 'project', 'api_key'), name='one_key_total')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
