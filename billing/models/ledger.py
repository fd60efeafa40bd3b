"""Double entry: every transaction sums to zero; the database refuses UPDATE and DELETE."""

from django.db import models

from accounts.models import Organization


class Account(models.TextChoices):
    # What the house owes a customer: credit still to be used.
    CREDIT = "credit", "Customer credit"
    REVENUE = "revenue", "Usage revenue"
    # Where credit comes from.
    PROMOTION = "promotion", "Promotional credit"
    CASH = "cash", "Payments received"
    EXPIRED = "expired", "Expired credit"
    # What a customer owes the house: ingested usage that no credit covered.
    RECEIVABLE = "receivable", "Owed beyond credit"


class LedgerEntry(models.Model):
    transaction = models.CharField(
        max_length=40, help_text="`event:ID`, `grant:ID` or `ingest:ID`; the entries of one transaction sum to zero."
    )
    account = models.CharField(max_length=12, choices=Account.choices)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = models.BigIntegerField(help_text="nano-USD")
    grant_id = models.BigIntegerField(null=True)
    # A usage event, or an ingestion batch.
    event_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["organization", "at"], name="ledger_by_organization"),
            models.Index(fields=["transaction"], name="ledger_by_transaction"),
            # Grants and adjustments among millions of requests.
            models.Index(
                fields=["organization", "at"], condition=models.Q(event_id=None), name="ledger_apart_from_requests"
            ),
            models.Index(
                fields=["organization", "at"], condition=models.Q(account="receivable"), name="ledger_receivable"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
