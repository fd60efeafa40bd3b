"""Two people edit the same: who sends a form second is told who was first, and nothing of the first is lost."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEntry, Organization
from dashboard.access import Desk

T = TypeVar("T", bound=Model)
_CHARACTERS = 20
_LONGEST = 200


@contextmanager
def alone(request: HttpRequest, desk: Desk, find: Callable[[], T]) -> Iterator[T]:
    """What is to be edited, as it is now; while a form is taken in nobody else edits it."""
    if request.method != "POST":
        yield find()
        return
    with transaction.atomic():
        # In the order of every verb: the organization, then what belongs to it.
        Organization.objects.select_for_update(no_key=True).get(pk=desk.organization.pk)
        found = find()
        type(found)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=found.pk)
        yield find()


class EditForm(forms.Form):
    """A form of what exists already: `initial` is how it is now, the hidden version how it was when the form was shown.

    Without a version it is not compared, like a request of the REST API without If-Match.
    """

    # No id: a page may have two of these forms.
    version = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"id": False}), max_length=_CHARACTERS)
    # The actions of the audit log that this form's changes leave.
    deeds: Sequence[str] = ()

    def __init__(self, *args: Any, edited: Model, **kwargs: Any) -> None:
        self.edited = edited
        super().__init__(*args, **kwargs)
        self.initial["version"] = self.version_now()

    def version_now(self) -> str:
        """The same as long as nobody changes what the form shows."""
        shown = {name: value for name, value in self.initial.items() if name != "version"}
        text = json.dumps(shown, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:_CHARACTERS]

    def differences(self) -> list[str]:
        """The fields whose values are not what they are now."""
        return [name for name in self.changed_data if name != "version" and not self._says_the_same(name)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        seen, now = cleaned.pop("version", ""), self.version_now()
        if not seen or seen == now or self.errors:
            return cleaned
        different = self.differences()
        if different:
            # Sent again it stands: the person has seen what it is now.
            sent = cast(QueryDict, self.data).copy()
            sent["version"] = now
            self.data = sent
            for name in different:
                self.add_error(name, _("It is %(value)s now.") % {"value": self.value_now(name)})
            raise ValidationError(self._who_changed_it())
        return cleaned

    def _says_the_same(self, name: str) -> bool:
        """Whether only the white space differs, such as a browser's line ends."""
        before, after = self.initial.get(name), self.cleaned_data.get(name)
        return isinstance(before, str) and isinstance(after, str) and before.split() == after.split()

    def value_now(self, name: str) -> str:
        """What stands there now, in words."""
        value = self.initial.get(name)
        if isinstance(value, bool):
            return _("on") if value else _("off")
        titles = dict(_flat(getattr(self.fields[name], "choices", ())))
        if isinstance(value, list | tuple):
            said = ", ".join(str(titles.get(one, one)) for one in value)
        else:
            said = str(titles.get(value, "" if value is None else value))
        said = " ".join(said.split())[:_LONGEST]
        return _("“%(value)s”") % {"value": said} if said else _("empty")

    def _who_changed_it(self) -> str:
        found = AuditEntry.objects.select_related("actor").filter(
            object_type=type(self.edited).__name__, object_id=audit.id_of(self.edited), action__in=self.deeds
        )
        # A membership goes by its user, who may be in several.
        if organization := getattr(self.edited, "organization", None):
            found = found.filter(organization=organization)
        entry = found.first()
        stays = _("Your text stays here; send it again to put it in place of what is there now.")
        if entry is None:
            return _("Somebody changed this meanwhile.") + " " + stays
        who = entry.actor.get_full_name() if entry.actor else _("A script or the operator")
        words = {"who": who, "time": timesince(entry.at, depth=1)}
        if (timezone.now() - entry.at).total_seconds() < 60:
            said = _("%(who)s changed this just now.") % words
        else:
            said = _("%(who)s changed this %(time)s ago.") % words
        return said + " " + stays


def _flat(choices: Any) -> Iterator[tuple[Any, Any]]:
    """Choices without their groups."""
    for value, title in choices:
        if isinstance(title, list | tuple):
            yield from title
        else:
            yield value, title
