"""What one does with the playground's presets. Changes of a project's presets leave an audit entry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, names
from accounts.actor import Actor
from accounts.models import Membership, Organization, Preset, Project, User
from accounts.roles import Permission, allows

MOST_PRESETS = 200
MOST_BYTES = 64 * 1024
# How long a deleted preset can be brought back.
KEPT = timedelta(days=1)
_PARAMETERS = frozenset(
    {"system", "temperature", "top_p", "max_tokens", "seed", "stop", "frequency_penalty", "presence_penalty", "effort",
     "json", "stream"}
)  # fmt: skip
_ROLES = ("user", "assistant")


class Conflict(Exception):
    """Somebody changed the preset meanwhile; `preset` is how it is now."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset.public_id)
        self.preset = preset


@dataclass(frozen=True, slots=True)
class Content:
    """What a preset holds; raises ValidationError where it is no such thing."""

    name: str
    description: str
    model: str
    parameters: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        one_line = self.name == " ".join(self.name.split())
        if not (len(self.name) <= 64 and one_line and names.is_shown(self.name)):
            raise ValidationError({"name": _("Give the preset a name of 1 to 64 characters that can be seen.")})
        if len(self.description) > 300:
            raise ValidationError({"description": _("The description has at most 300 characters.")})
        if not 1 <= len(self.model) <= 100:
            raise ValidationError({"model": _("Choose a model.")})
        if not isinstance(self.parameters, dict) or not _PARAMETERS.issuperset(self.parameters):
            raise ValidationError(_("These are no parameters of the playground. Reload the page."))
        if not isinstance(self.messages, list) or not all(_is_message(one) for one in self.messages):
            raise ValidationError(_("These are no messages of the playground. Reload the page."))
        written = orjson.dumps([self.name, self.description, self.model, self.parameters, self.messages])
        if b"\\u0000" in written:
            raise ValidationError(_("A preset cannot hold the character U+0000. Remove it."))
        if len(written) > MOST_BYTES:
            raise ValidationError(_("A preset holds at most 64 KiB. Leave starter messages out, or shorten them."))


def _is_message(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and set(one) == {"role", "content"}
        and one["role"] in _ROLES
        and isinstance(one["content"], str)
    )


def visible(membership: Membership, projects: Iterable[Project]) -> QuerySet[Preset]:
    """The member's own presets and those of these projects, without deleted ones."""
    mine_or_ours = Q(owner=membership.user) | Q(project__in=[project.pk for project in projects])
    found = Preset.objects.filter(mine_or_ours, organization=membership.organization, deleted_at=None)
    return found.select_related("created_by", "project")


def may_change(membership: Membership, preset: Preset) -> bool:
    """One's own; those that one made in a project; and whoever manages projects, all of a project."""
    if preset.organization_id != membership.organization_id:
        return False
    if preset.owner_id is not None:
        return preset.owner_id == membership.user_id
    return preset.created_by_id == membership.user_id or allows(membership.role, Permission.MANAGE_PROJECTS)


def create(organization: Organization, content: Content, by: Actor, *, project: Project | None) -> Preset:
    """A new one for the project, or without one for its maker alone; raises ValidationError."""
    user = by.user
    assert isinstance(user, User)
    seen_by: dict[str, Any] = {"project": project} if project else {"owner": user}
    if Preset.objects.filter(organization=organization, deleted_at=None, **seen_by).count() >= MOST_PRESETS:
        raise ValidationError(_("There are %(most)d presets already. Delete one first.") % {"most": MOST_PRESETS})
    try:
        with transaction.atomic():
            preset = Preset.objects.create(organization=organization, created_by=user, **_members(content), **seen_by)
            _note("preset.created", preset, by)
            return preset
    except IntegrityError as error:
        raise _name_taken(content.name) from error


def update(preset: Preset, content: Content, by: Actor, *, version: int) -> Preset:
    """Other content; raises ValidationError, or Conflict unless `version` is what the preset still has."""
    try:
        with transaction.atomic():
            same = Preset.objects.filter(pk=preset.pk, version=version, deleted_at=None)
            if not same.update(**_members(content), version=F("version") + 1, updated_at=timezone.now()):
                raise Conflict(Preset.objects.get(pk=preset.pk))
            preset.refresh_from_db()
            _note("preset.changed", preset, by)
            return preset
    except IntegrityError as error:
        raise _name_taken(content.name) from error


def delete(preset: Preset, by: Actor) -> None:
    """Gone for everybody; `restore` brings it back within a day."""
    now = timezone.now()
    with transaction.atomic():
        Preset.objects.filter(organization=preset.organization, deleted_at__lt=now - KEPT).delete()
        if Preset.objects.filter(pk=preset.pk, deleted_at=None).update(deleted_at=now):
            _note("preset.deleted", preset, by)


def restore(preset: Preset, by: Actor) -> None:
    """Undo the deletion; raises ValidationError when another has the name now."""
    try:
        with transaction.atomic():
            if Preset.objects.filter(pk=preset.pk).exclude(deleted_at=None).update(deleted_at=None):
                _note("preset.restored", preset, by)
    except IntegrityError as error:
        raise _name_taken(preset.name) from error


def _members(content: Content) -> dict[str, Any]:
    return {
        "name": content.name,
        "description": content.description,
        "model": content.model,
        "parameters": content.parameters,
        "messages": content.messages,
    }


def _note(action: str, preset: Preset, by: Actor) -> None:
    """What somebody keeps for themselves is nobody else's business."""
    if preset.project_id is not None:
        audit.record(action, preset, by)


def _name_taken(name: str) -> ValidationError:
    return ValidationError(
        {"name": _("There is already a preset named “%(name)s”. Choose another name.") % {"name": name}}
    )
