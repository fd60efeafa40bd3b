"""What an operator may set at the gateway; times in seconds, sizes in bytes."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Defaults serve a language model: slow to begin, never silent for long."""

    body_limit: int = 4 * 1024 * 1024
    body_timeout: float = 60.0
    connect_timeout: float = 10.0
    # Until the provider's first byte: a long JSON answer is one byte late.
    first_byte_timeout: float = 600.0
    # Between two reads of an answer that has begun.
    idle_timeout: float = 120.0
    keep_alive: float = 10.0
    drain_timeout: float = 30.0
    # Usage and cost reports that one key may ask for; they count apart from its chat.
    reports_per_minute: int = 300
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
