"""What people change about themselves. Every verb is one transaction and leaves an audit entry."""

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit, time_zones
from accounts.actor import Actor
from accounts.models import User

MOST_CHARACTERS = 150


def change_profile(user: User, by: Actor, *, name: str, time_zone: str) -> User:
    """Another name or zone of the timestamps; raises ValidationError."""
    name = " ".join(name.split())
    errors: dict[str, str] = {}
    if len(name) > MOST_CHARACTERS:
        errors["name"] = f"A name has at most {MOST_CHARACTERS} characters."
    if time_zone not in time_zones.known():
        errors["time_zone"] = "Choose a time zone of the list."
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        before = {"name": user.name, "time_zone": user.time_zone}
        after = {"name": name, "time_zone": time_zone}
        changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
        if changes:
            user.name, user.time_zone = name, time_zone
            user.save(update_fields=["name", "time_zone"])
            audit.record("user.profile_changed", user, by, changes=changes)
        return user
