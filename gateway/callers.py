"""Who is calling: from the headers to a principal, by way of what the process remembers."""

from typing import NamedTuple

from accounts.principal import Principal
from gateway import credentials, permission
from gateway.bridge import Bridge
from gateway.client_address import address_of
from gateway.http import Exchange
from gateway.options import GatewayOptions
from gateway.principals import PrincipalHints


class Caller(NamedTuple):
    """A principal, and how it was found; `is_hint`: remembered, not looked up for this request."""

    principal: Principal
    secret_hash: bytes | None
    is_hint: bool = False
    user_id: int | None = None


class Callers:
    """Finds callers; keeps hints only of keys that may call."""

    def __init__(self, bridge: Bridge, options: GatewayOptions) -> None:
        self._bridge = bridge
        self._hints = PrincipalHints()
        self._trusted = options.trusted_proxies

    def address(self, exchange: Exchange) -> str:
        """The client's address."""
        return address_of(exchange.scope, self._trusted)

    def fingerprint(self, exchange: Exchange) -> bytes:
        """The hash of the secret in the headers; raises ApiError 401 without a query for what cannot be a key."""
        secret_hash = self._bridge.fingerprint(credentials.secret_of(exchange.headers))
        if secret_hash is None:
            raise permission.invalid_key()
        return secret_hash

    async def find(self, secret_hash: bytes, *, fresh: bool) -> Caller:
        """The caller; raises ApiError 401 when nobody has the secret or the key may not call."""
        hint = None if fresh else self._hints.get(secret_hash)
        if hint is not None:
            return Caller(hint, secret_hash, is_hint=True)
        principal = permission.check_alive(await self._bridge.authenticate(secret_hash))
        self._hints.keep(secret_hash, principal)
        return Caller(principal, secret_hash)

    def forget(self, secret_hash: bytes) -> None:
        """The hint proved wrong."""
        self._hints.forget(secret_hash)

    async def live(self, exchange: Exchange, scope: str | None) -> Principal:
        """A principal looked up now, for the routes that only read; raises ApiError 401 or 403."""
        caller = await self.find(self.fingerprint(exchange), fresh=True)
        address = self.address(exchange)
        permission.check_allowed(caller.principal, scope, address)
        self._bridge.note_call(caller.principal, address)
        return caller.principal
