"""The limits and alerts that somebody sees."""

from django.db.models import Q, QuerySet

from accounts.reach import Reach
from billing import limits
from billing.models import Alert, Measure, SpendingLimit


def seen(reach: Reach, found: QuerySet[SpendingLimit]) -> QuerySet[SpendingLimit]:
    """The limits that hold for what is within reach; amounts of money only where the role sees money."""
    if not reach.every:
        ids = [project.pk for project in reach.projects]
        found = found.filter(Q(project__in=ids) | Q(api_key__project__in=ids) | Q(project=None, api_key=None))
    return found if reach.sees_money else found.exclude(measure=Measure.USD)


def in_force(reach: Reach) -> QuerySet[SpendingLimit]:
    """The limits that hold now."""
    return seen(reach, limits.active(reach.organization))


def ever(reach: Reach) -> QuerySet[SpendingLimit]:
    """The limits that hold or held."""
    return seen(reach, SpendingLimit.objects.filter(organization=reach.organization))


def find(reach: Reach, public_id: str) -> SpendingLimit | None:
    """A limit in force that is seen."""
    return in_force(reach).filter(public_id=public_id).first()


def alerts(reach: Reach) -> QuerySet[Alert]:
    """The alerts of limits that are seen, removed limits included."""
    found = Alert.objects.filter(organization=reach.organization, limit__in=ever(reach).values("pk"))
    return found.select_related("limit__organization", "limit__project", "limit__api_key", "window")
