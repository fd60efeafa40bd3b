"""May this principal use this route from this address? In the order of the wire contract."""

import ipaddress
from functools import lru_cache

from accounts.principal import ACTIVE, DISABLED, EXPIRED, REVOKED, Principal
from gateway import errors
from gateway.errors import ApiError

CHAT = "chat"
MANAGEMENT = "management"

_STATES = {
    DISABLED: "This API key is disabled. Enable it in the console or use another key.",
    REVOKED: "This API key was revoked or replaced by a new secret. Use the new one or create a key in the console.",
    EXPIRED: "This API key has expired. Create or regenerate a key in the console.",
}
_INVALID = "The API key is invalid. Check that it was copied whole, or create one in the console."


def invalid_key() -> ApiError:
    """401 for a key that nobody has."""
    return errors.invalid_api_key(_INVALID)


def check_alive(principal: Principal | None) -> Principal:
    """The principal of a key that may call; raises ApiError 401 that says what is wrong with it."""
    if principal is None:
        raise invalid_key()
    if principal.state != ACTIVE:
        raise errors.invalid_api_key(_STATES.get(principal.state, _INVALID))
    return principal


def check_allowed(principal: Principal, scope: str | None, address: str) -> None:
    """Raises ApiError 403: the scope, then the address, then the organization's suspension."""
    if scope is not None and scope not in principal.scopes:
        raise errors.forbidden("insufficient_permissions", f"This API key lacks the permission “{scope}”.")
    if principal.networks and not inside(address, principal.networks):
        raise errors.forbidden("ip_not_allowed", "This API key may not be used from your address.")
    if principal.suspended:
        raise errors.forbidden(
            "organization_suspended", "This organization is suspended. A member can see why in the console."
        )


@lru_cache(maxsize=4096)
def inside(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address is in one of the networks (CIDR texts)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in ipaddress.ip_network(network) for network in networks)
