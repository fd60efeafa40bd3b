"""How far a file of usage has been read."""

from django.db import models

from accounts.models import Organization


class FileImport(models.Model):
    """A file that an operator imports: its first `rows` rows, whose digest this is, are recorded."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The file's name with how it is read: another mapping reads it from its beginning.
    name = models.CharField(max_length=400)
    digest = models.CharField(max_length=32)
    rows = models.BigIntegerField()
    accepted = models.BigIntegerField()
    duplicate = models.BigIntegerField()
    conflict = models.BigIntegerField()
    rejected = models.BigIntegerField()
    passed_over = models.BigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_import_a_file")]

    def __str__(self) -> str:
        return f"{self.name}: {self.rows} rows"
