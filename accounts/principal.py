"""Who is calling, resolved from a credential."""

from dataclasses import dataclass

ACTIVE = "active"
DISABLED = "disabled"
REVOKED = "revoked"
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose secret matched; only the state `active` may call."""

    key_id: int
    key_name: str
    organization_id: int
    organization_name: str
    project_id: int
    user_id: int | None
    state: str
    suspended: bool
    scopes: frozenset[str]
    # None: every model.
    models: frozenset[str] | None
    # CIDR texts; empty: every address.
    networks: tuple[str, ...]
    # Requests in any 60 seconds.
    organization_rpm: int
    key_rpm: int | None
    # The secret that matched; None when entered with a session.
    secret_id: int | None = None
