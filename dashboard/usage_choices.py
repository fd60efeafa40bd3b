"""What the Usage page's filter offers: projects, keys and models, each with whether it is chosen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from catalog.models import LanguageModel
from dashboard.usage_filters import UsageFilter, owners
from dashboard.usage_lines import key_name
from usage import reports

# More are not offered here; the breakdown leads to every one of them.
_MOST_KEYS = 300
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter."""

    value: str
    name: str
    note: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """One filter: its values, what it says when it is closed, and a link without each chosen one."""

    name: str
    title: str
    summary: str
    values: list[Choice]
    chips: list[tuple[str, str]]

    @property
    def is_long(self) -> bool:
        """Whether looking for a value is worth a field."""
        return len(self.values) > _SHORT


def choices(chosen: UsageFilter) -> list[Choices]:
    """The filters of project, key, model and member."""
    projects = {one.public_id for one in chosen.projects}
    keys = {one.public_id for one in chosen.keys}
    return [
        _choices(
            chosen, "project", str(_("Project")), str(_("All projects")),
            [Choice(one.public_id, one.name, "", one.public_id in projects) for one in chosen.scope.projects],
        ),
        _choices(chosen, "key", str(_("API key")), str(_("All keys")), _keys(chosen, keys)),
        _choices(
            chosen, "model", str(_("Model")), str(_("All models")),
            [Choice(name, name, "", name in chosen.models) for name in _models(chosen)],
        ),
        _choices(
            chosen, "member", str(_("Member")), str(_("All members")),
            [
                Choice(one.public_id, one.get_full_name(), one.email, one in chosen.members)
                for one in owners(chosen.scope)
            ],
        ),
    ]  # fmt: skip


def day_fields(chosen: UsageFilter) -> list[dict[str, Any]]:
    """From and To, with what was typed and what is wrong with it."""
    labels = {"from": (_("From"), chosen.first), "to": (_("To"), chosen.last)}
    return [
        {
            "name": name,
            "label": label,
            "value": chosen.typed.get(name) or day.isoformat(),
            "error": chosen.errors.get(name, ""),
        }
        for name, (label, day) in labels.items()
    ]


def _choices(chosen: UsageFilter, name: str, title: str, everything: str, values: list[Choice]) -> Choices:
    picked = [one for one in values if one.is_chosen]
    summary = (
        everything if not picked else picked[0].name if len(picked) == 1 else _("%(n)s chosen") % {"n": len(picked)}
    )
    chips = [
        (one.name, chosen.query(**{name: [other.value for other in picked if other is not one]})) for one in picked
    ]
    return Choices(name, title, summary, values, chips)


def _keys(chosen: UsageFilter, picked: set[str]) -> list[Choice]:
    """Live keys first; of many, the newest."""
    rows = chosen.scope.keys().select_related("project")
    # The order of an index: of ten thousand keys not all are read.
    found = list(rows.filter(revoked_at=None).order_by("-created_at")[:_MOST_KEYS])
    if len(found) < _MOST_KEYS:
        found += rows.exclude(revoked_at=None).order_by("revoked_at", "-created_at")[: _MOST_KEYS - len(found)]
    known = {key.pk for key in found}
    found += [key for key in chosen.keys if key.pk not in known]
    several = len(chosen.scope.projects) > 1
    named = sorted(found, key=lambda key: (key.revoked_at is not None, key.is_playground, key.name.lower(), key.pk))
    return [
        Choice(key.public_id, key_name(key), key.project.name if several else "", key.public_id in picked)
        for key in named
    ]


def _models(chosen: UsageFilter) -> Sequence[str]:
    """Models on sale, models used in these days, and the chosen ones."""
    on_sale: Iterable[str] = LanguageModel.objects.on_sale().values_list("name", flat=True)
    used = reports.breakdown(chosen.scope.filter(chosen.edges()), "model")
    return list(dict.fromkeys([*on_sale, *sorted(used), *chosen.models]))
