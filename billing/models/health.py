"""What each past day of the status page rests on: how requests ended, and how long the house ran."""

from django.db import models


class ModelDay(models.Model):
    """Requests to one model on one day of UTC, of all customers; the empty name stands for every model together."""

    model = models.CharField(max_length=100, blank=True)
    day = models.DateField()
    answered = models.PositiveBigIntegerField()
    # Broke off, or came to nothing.
    failed = models.PositiveBigIntegerField()
    bad_minutes = models.PositiveIntegerField()

    class Meta:
        ordering = ["-day", "model"]
        constraints = [models.UniqueConstraint(fields=["model", "day"], name="one_row_a_model_and_day")]

    def __str__(self) -> str:
        return f"{self.model or 'all models'} on {self.day}"


class HouseDay(models.Model):
    """The minutes of one day of UTC in which the schedule was at work somewhere."""

    day = models.DateField(primary_key=True)
    first_minute = models.PositiveSmallIntegerField(help_text="Minute of the day, from 0.")
    last_minute = models.PositiveSmallIntegerField(help_text="Minute of the day, from 0.")
    minutes = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.minutes} minutes of {self.day}"
