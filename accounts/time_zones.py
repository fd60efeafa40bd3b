"""The time zones that a person or an organization can choose."""

from functools import lru_cache
from zoneinfo import available_timezones

_REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Every IANA name that this machine knows, old names included."""
    return frozenset(available_timezones())


@lru_cache(maxsize=1)
def by_region() -> dict[str, tuple[str, ...]]:
    """The names that are worth offering: places, by region."""
    return {region: tuple(sorted(name for name in known() if name.startswith(f"{region}/"))) for region in _REGIONS}
