"""Says that the catalog changed."""

from django.db import models


class CatalogRevision(models.Model):
    """One row; its number is another one after every change of models, prices, providers and routes (by triggers)."""

    id = models.SmallIntegerField(primary_key=True)
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.number)
