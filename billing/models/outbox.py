"""What happened and must be told outside: written in the transaction that made it true, told by the clock."""

from functools import partial

from django.db import models

from accounts.models import Organization
from foundation.ids import public_id


class OutboxMessage(models.Model):
    """One message to whoever listens: e-mail recipients and webhook endpoints of the organization."""

    # Also the id that a webhook carries, so that a receiver can tell a repetition.
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "msg"), editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="outbox_messages", db_index=False
    )
    # Of EventType, or webhook.test or limit.test.
    type = models.CharField(max_length=64)
    # The object that the message is about: {"object": "alert", ...}.
    payload = models.JSONField()
    # Of a change that the audit trail tells: that entry, so that it becomes one message.
    audit_entry_id = models.BigIntegerField(null=True, unique=True, editable=False)
    created_at = models.DateTimeField()
    # When its deliveries were written down; null: still to do.
    dispatched_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(dispatched_at=None), name="outbox_to_do"),
            models.Index(fields=["organization", "created_at"], name="outbox_by_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"
