"""Which secrets were used lately, and from where; each is told once a minute."""

from accounts.principal import Principal

_EVERY = 60.0


class SecretUses:
    """Uses that are to be written down; noted by any thread, told to one."""

    def __init__(self) -> None:
        self._new: dict[int, str] = {}
        self._told: set[int] = set()
        self._since = 0.0

    def note(self, principal: Principal, address: str) -> None:
        """The secret of this caller was used."""
        if principal.secret_id is not None:
            self._new[principal.secret_id] = address

    def due(self, now: float) -> dict[int, str]:
        """The addresses of secrets that were not told in the last minute; `now` in monotonic seconds."""
        if now - self._since >= _EVERY:
            self._told.clear()
            self._since = now
        new, self._new = self._new, {}
        found = {secret_id: address for secret_id, address in new.items() if secret_id not in self._told}
        self._told.update(found)
        return found
