"""One strict sliding window in memory; times are integer nanoseconds of one clock that never goes back."""

from collections import deque

from gateway.limiter.limiter import EXACT_ADMISSIONS, GROUP_SECONDS, Reading

SECOND = 1_000_000_000
_GROUP = int(GROUP_SECONDS * SECOND)


class Group:
    """Admissions that leave the window together, with the last of them; mostly there is only one."""

    __slots__ = ("count", "first", "last")

    def __init__(self, now: int) -> None:
        self.first = now
        self.last = now
        self.count = 1


class Window:
    """Admissions of the last `length` nanoseconds."""

    __slots__ = ("count", "groups", "length")

    def __init__(self, length: int) -> None:
        self.length = length
        self.count = 0
        self.groups: deque[Group] = deque()

    def expire(self, now: int) -> None:
        """Forget what is older than the window."""
        groups = self.groups
        edge = now - self.length
        while groups and groups[0].last <= edge:
            gone = groups.popleft()
            self.count -= gone.count
            gone.count = 0

    def add(self, now: int) -> Group:
        """Count one admission; give the group to remove to take it back."""
        groups = self.groups
        self.count += 1
        if len(groups) >= EXACT_ADMISSIONS and now - groups[-1].first < _GROUP:
            group = groups[-1]
            group.count += 1
            group.last = now
            return group
        group = Group(now)
        groups.append(group)
        return group

    def remove(self, group: Group) -> None:
        """Take one admission back, unless it has left the window already."""
        if group.count <= 0:
            return
        group.count -= 1
        self.count -= 1
        while self.groups and self.groups[-1].count == 0:
            self.groups.pop()

    def read(self, limit: int, now: int) -> Reading:
        """Where the window stands; call expire first."""
        full_after = self.groups[-1].last + self.length - now if self.groups else 0
        return Reading(limit, self.count, self._wait(limit, now) / SECOND, full_after / SECOND)

    def _wait(self, limit: int, now: int) -> int:
        if self.count < limit:
            return 0
        too_many = self.count - limit + 1
        for group in self.groups:
            too_many -= group.count
            if too_many <= 0:
                return group.last + self.length - now
        return self.length
