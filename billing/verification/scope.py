"""How much of the books is looked at, and who is told how far it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class Progress(Protocol):
    """Told how far the verification is."""

    def begin(self, name: str, total: int) -> None:
        """A step of `total` rows begins."""

    def advance(self, rows: int) -> None:
        """So many more rows of the step were looked at."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything, or one organization; `now` decides which windows are open."""

    now: datetime
    progress: Progress
    organization_id: int | None = None
    # Recompute only the newest seals; None: all.
    seal_days: int | None = None

    @property
    def where(self) -> str:
        """An SQL condition on a table with an organization."""
        return "1 = 1" if self.organization_id is None else "organization_id = %s"

    @property
    def params(self) -> list[Any]:
        """The parameters of `where`."""
        return [] if self.organization_id is None else [self.organization_id]

    def of(self, lookup: str) -> dict[str, Any]:
        """The same condition for the ORM; `lookup` leads to the organization's id."""
        return {} if self.organization_id is None else {lookup: self.organization_id}
