"""The requests of a filter as CSV, a page of rows at a time: memory does not grow with their number."""

from dashboard.request_filters import RequestFilter
from dashboard.usage_export import file_of
from dashboard.usage_lines import key_name
from foundation.streamed import Streamed
from usage import sheets


def response(chosen: RequestFilter) -> Streamed:
    """The file, newest request first."""
    sheet = sheets.of_requests(chosen.events(), money=chosen.scope.sees_money, name_of=key_name)
    return file_of(sheet, "requests", chosen.scope.organization, f"{chosen.usage.first}_{chosen.usage.last}")
