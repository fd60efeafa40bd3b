"""Principals seen lately, by secret hash: only ever a hint. Admission checks everything again."""

from collections import OrderedDict

from accounts.principal import Principal

_MOST = 20_000


class PrincipalHints:
    """A bounded memory of who a secret belonged to the last time; the oldest is forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def get(self, secret_hash: bytes) -> Principal | None:
        """The hint, if there is one."""
        return self._known.get(secret_hash)

    def keep(self, secret_hash: bytes, principal: Principal) -> None:
        """Remember a principal that may call."""
        self._known[secret_hash] = principal
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, secret_hash: bytes) -> None:
        """The hint proved wrong."""
        self._known.pop(secret_hash, None)
