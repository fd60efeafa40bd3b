"""The Usage page's filter as CSV: a row for each bar, project, key and model; amounts exact, times in UTC."""

from django.utils.text import slugify

from accounts.models import Organization
from dashboard.usage_filters import UsageFilter
from dashboard.usage_lines import key_name
from foundation.sheet import Sheet, csv_parts
from foundation.streamed import Streamed
from usage import sheets


def response(chosen_filter: UsageFilter) -> Streamed:
    """The file, one period at a time: memory does not grow with the number of periods."""
    edges = chosen_filter.edges()
    sheet = sheets.of_usage(
        chosen_filter.chosen(edges),
        edges,
        chosen_filter.zone,
        money=chosen_filter.scope.sees_money,
        name_of=key_name,
    )
    return file_of(sheet, "usage", chosen_filter.scope.organization, f"{chosen_filter.first}_{chosen_filter.last}")


def file_of(sheet: Sheet, kind: str, organization: Organization, span: str) -> Streamed:
    """The sheet as a CSV file that is named after what it holds."""
    name = slugify(organization.name) or organization.public_id
    streamed = Streamed(csv_parts(sheet), content_type="text/csv; charset=utf-8")
    streamed["Content-Disposition"] = f'attachment; filename="{kind}_{name}_{span}.csv"'
    streamed["Cache-Control"] = "no-store"
    return streamed
