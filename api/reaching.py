"""What a caller sees, as the rooms ask it."""

from accounts.reach import Reach
from accounts.roles import Permission
from api.caller import Caller


def reach_of(caller: Caller) -> Reach:
    """The caller's projects, and whether they are all that count."""
    return Reach(
        caller.organization, caller.projects(), caller.may(Permission.SEE_USAGE), caller.may(Permission.SEE_MONEY)
    )
