from django.apps import AppConfig
from django.db.models.signals import post_migrate

from foundation import revision

_after_migrate = revision.installer(
    "catalog_catalogrevision", "catalog_languagemodel", "catalog_price", "catalog_provider", "catalog_route"
)


class CatalogConfig(AppConfig):
    name = "catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_after_migrate, sender=self)
