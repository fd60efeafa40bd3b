from functools import partial

import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

from foundation.ids import public_id


def give_ids(apps, schema_editor):
    invitation_model = apps.get_model("accounts", "Invitation")
    for invitation in invitation_model.objects.filter(public_id=None).iterator():
        invitation_model.objects.filter(pk=invitation.pk).update(
            public_id=public_id("inv"), sent_at=invitation.created_at
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_idempotency_and_user_ids")]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="public_id",
            field=models.CharField(max_length=40, null=True, editable=False),
        ),
        migrations.AddField(
            model_name="invitation",
            name="sent_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="invitation",
            name="projects",
            field=models.ManyToManyField(
                blank=True, help_text="Where a developer will work.", related_name="+", to="accounts.project"
            ),
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="invitation",
            name="public_id",
            field=models.CharField(default=partial(public_id, "inv"), editable=False, max_length=40, unique=True),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                models.F("organization"),
                condition=models.Q(("accepted_at", None)),
                name="one_open_invitation_an_address",
            ),
        ),
    ]
