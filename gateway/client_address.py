"""The client's address: the peer, or what trusted proxies say, read from the right."""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from gateway.http import Scope

Networks = Sequence[IPv4Network | IPv6Network]


def networks(texts: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parsed networks; raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def is_trusted(address: str, trusted: Networks) -> bool:
    """Whether the address is one of our proxies."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)


def address_of(scope: Scope, trusted: Networks) -> str:
    """The address of whoever is not one of our proxies; a header from anybody else is not believed."""
    client = scope.get("client")
    address: str = client[0] if client else ""
    if not trusted or not is_trusted(address, trusted):
        return address
    hops = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    for hop in reversed([part.strip() for part in hops.split(",") if part.strip()]):
        address = _bare(hop)
        if not is_trusted(address, trusted):
            break
    return address


def _bare(hop: str) -> str:
    """The address without a port: `[2001:db8::1]:443` and `203.0.113.7:443` occur."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
