"""What people change about themselves. Every verb is one transaction and leaves an audit entry."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from accounts import audit, names, time_zones
from accounts.actor import Actor
from accounts.models import User
from foundation import shown_numbers

MOST_CHARACTERS = 150
# What a person chooses for the playground.
PLAYGROUND = ("streams_answers", "announces_answers", "uses_shortcuts")


def wrong_name(name: str) -> str:
    """What is wrong with a person's name, which may be empty; empty when nothing is."""
    if len(name) > MOST_CHARACTERS:
        return gettext("A name has at most %(most_characters)s characters.") % {"most_characters": MOST_CHARACTERS}
    if name and not names.is_shown(name):
        return gettext("Write a name that can be seen.")
    return ""


def change_profile(
    user: User,
    by: Actor,
    *,
    name: str,
    time_zone: str,
    language: str | None = None,
    number_format: str | None = None,
    **playground: bool,
) -> User:
    """Another name, zone of the timestamps, language (empty: the browser's) or format of numbers; raises
    ValidationError.

    `playground`: any of PLAYGROUND.
    """
    name = " ".join(name.split())
    errors: dict[str, str] = {}
    if wrong := wrong_name(name):
        errors["name"] = wrong
    if time_zone not in time_zones.known():
        errors["time_zone"] = gettext("Choose a time zone of the list.")
    if language and language not in dict(settings.LANGUAGES):
        errors["language"] = gettext("Choose a language of the list.")
    if number_format and number_format not in shown_numbers.FORMATS:
        errors["number_format"] = gettext("Choose a format of the list.")
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        after: dict[str, str | bool] = {"name": name, "time_zone": time_zone}
        after["language"] = user.language if language is None else language
        after["number_format"] = user.number_format if number_format is None else number_format
        after |= {field: playground[field] for field in PLAYGROUND if field in playground}
        changes = {field: [getattr(user, field), new] for field, new in after.items() if getattr(user, field) != new}
        if changes:
            for field, new in after.items():
                setattr(user, field, new)
            user.save(update_fields=list(after))
            audit.record("user.profile_changed", user, by, changes=changes)
        return user
