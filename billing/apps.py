from django.apps import AppConfig
from django.db.models.signals import post_migrate

from foundation import append_only

_after_migrate = append_only.installer(
    "billing_ledgerentry",
    "billing_deliveryattempt",
    "billing_dayseal",
    "billing_adjustment",
    "billing_ingestionbatch",
    "billing_correction",
)


class BillingConfig(AppConfig):
    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_after_migrate, sender=self)
