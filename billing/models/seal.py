"""A closed day of the books under a hash that takes in the hash of the day before."""

from django.db import models

# What the first seal takes in.
NO_SEAL = "0" * 64


class DaySeal(models.Model):
    """Whoever changes a sealed fact must change every later seal too. Rows are only ever inserted."""

    day = models.DateField(unique=True, help_text="UTC; the first seal also takes in everything before its day.")
    first_event_id = models.BigIntegerField(null=True)
    last_event_id = models.BigIntegerField(null=True)
    events = models.BigIntegerField()
    entries = models.BigIntegerField(help_text="Ledger entries of these events, and those of the day that have none.")
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    charge = models.BigIntegerField(help_text="nano-USD")
    overrun = models.BigIntegerField(help_text="nano-USD")
    credit = models.BigIntegerField(help_text="nano-USD by which the entries changed what customers have.")
    # Unique: the chain has no branches.
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256.")
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {self.hash[:12]}"
