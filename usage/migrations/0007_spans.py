import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_account_deletion'),
        ('usage', '0006_failed_events'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeySpan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=100)),
                ('bucket', models.DateTimeField(help_text='Start of the time that is summed up, UTC.')),
                ('requests', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cached_input_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('charge', models.BigIntegerField(help_text='nano-USD')),
                ('saved', models.BigIntegerField(db_default=0, default=0, help_text='nano-USD that cached input would have cost more at the price of input.')),
                ('saved_pico', models.BigIntegerField(db_default=0, default=0, help_text='pico-USD that it would have cost besides.')),
                ('width', models.SmallIntegerField(help_text='Minutes.')),
            ],
        ),
        migrations.CreateModel(
            name='ProjectSpan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=100)),
                ('bucket', models.DateTimeField(help_text='Start of the time that is summed up, UTC.')),
                ('requests', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cached_input_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('charge', models.BigIntegerField(help_text='nano-USD')),
                ('saved', models.BigIntegerField(db_default=0, default=0, help_text='nano-USD that cached input would have cost more at the price of input.')),
                ('saved_pico', models.BigIntegerField(db_default=0, default=0, help_text='pico-USD that it would have cost besides.')),
                ('width', models.SmallIntegerField(help_text='Minutes.')),
            ],
        ),
        migrations.AddField(
            model_name='pendingrollup',
            name='saved',
            field=models.BigIntegerField(db_default=0, default=0, help_text='nano-USD that cached input would have cost more at the price of input.'),
        ),
        migrations.AddField(
            model_name='pendingrollup',
            name='saved_pico',
            field=models.BigIntegerField(db_default=0, default=0, help_text='pico-USD that it would have cost besides.'),
        ),
        migrations.AddField(
            model_name='usagerollup',
            name='saved',
            field=models.BigIntegerField(db_default=0, default=0, help_text='nano-USD that cached input would have cost more at the price of input.'),
        ),
        migrations.AddField(
            model_name='usagerollup',
            name='saved_pico',
            field=models.BigIntegerField(db_default=0, default=0, help_text='pico-USD that it would have cost besides.'),
        ),
        migrations.AlterField(
            model_name='pendingrollup',
            name='bucket',
            field=models.DateTimeField(help_text='Start of the time that is summed up, UTC.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='bucket',
            field=models.DateTimeField(help_text='Start of the time that is summed up, UTC.'),
        ),
        migrations.AddIndex(
            model_name='usagerollup',
            index=models.Index(fields=['api_key', 'bucket'], name='rollup_by_key'),
        ),
        migrations.AddField(
            model_name='keyspan',
            name='api_key',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey'),
        ),
        migrations.AddField(
            model_name='keyspan',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='keyspan',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.project'),
        ),
        migrations.AddField(
            model_name='projectspan',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='projectspan',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.project'),
        ),
        migrations.AddIndex(
            model_name='keyspan',
            index=models.Index(fields=['api_key', 'width', 'bucket'], name='span_by_key'),
        ),
        migrations.AddConstraint(
            model_name='keyspan',
            constraint=models.UniqueConstraint(fields=('organization', 'width', 'bucket', 'project', 'api_key', 'model'), name='one_key_span'),
        ),
        migrations.AddConstraint(
            model_name='projectspan',
            constraint=models.UniqueConstraint(fields=('organization', 'width', 'bucket', 'project', 'model'), name='one_project_span'),
        ),
    ]
