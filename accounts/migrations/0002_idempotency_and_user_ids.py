from functools import partial

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from foundation.ids import public_id


def give_ids(apps, schema_editor):
    user_model = apps.get_model("accounts", "User")
    for user in user_model.objects.filter(public_id=None).iterator():
        user_model.objects.filter(pk=user.pk).update(public_id=public_id("user"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="public_id",
            field=models.CharField(max_length=40, null=True, editable=False),
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="public_id",
            field=models.CharField(default=partial(public_id, "user"), editable=False, max_length=40, unique=True),
        ),
        migrations.CreateModel(
            name="IdempotentRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("credential", models.CharField(max_length=48)),
                ("key", models.CharField(help_text="The client's Idempotency-Key.", max_length=255)),
                ("fingerprint", models.CharField(help_text="SHA-256 of method, path and body.", max_length=64)),
                ("status", models.SmallIntegerField(default=0)),
                ("answer", models.JSONField(default=dict)),
                ("sealed", models.TextField(blank=True)),
                ("had_secret", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotent_request_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "credential", "key"), name="one_effect_an_idempotency_key"
                    )
                ],
            },
        ),
    ]
