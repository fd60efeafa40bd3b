"""A month of the history as CSV: exact amounts, times in UTC, and the balance after each line."""

from accounts.models import Organization
from billing import sheets
from billing.statement import Statement
from dashboard.usage_export import file_of
from foundation.streamed import Streamed


def response(organization: Organization, read: Statement) -> Streamed:
    """The file, oldest line first."""
    return file_of(sheets.of_statement(organization, read), "billing", organization, f"{read.first}_{read.last}")
