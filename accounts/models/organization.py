"""Who pays: everything that is used belongs to one organization."""

from functools import partial
from zoneinfo import ZoneInfo

from django.db import models
from django.utils import timezone

from foundation.ids import public_id


class Organization(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "org"), editable=False)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="IANA zone of days, limits, windows and invoices."
    )
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a member first confirmed an e-mail address; keys and credit wait for it."
    )
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=200, blank=True)
    keys_can_be_revealed = models.BooleanField(
        default=False, help_text="Keep new secrets encrypted as well, so that a member can copy an existing key."
    )

    allowed_domains = models.JSONField(
        default=list, blank=True, help_text="Domains of the addresses that may join; none: every one."
    )
    requires_two_factor = models.BooleanField(default=False, help_text="Members must log in with a second factor.")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None
