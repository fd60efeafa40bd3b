"""Who makes a change: a person in the console, a script with a key, or the system itself."""

from dataclasses import dataclass

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """`key_id` is the public id of the API key that acts, when a script does."""

    user: User | None = None
    key_id: str = ""
    address: str = ""


SYSTEM = Actor()
