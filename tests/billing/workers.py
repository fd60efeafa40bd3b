"""Several workers on one database at once: processes or threads, each with a connection of its own."""

import os
import pickle
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection, connections

from billing import batch
from billing.terms import Admission, Ask, Outcome, Receipt, Refusal
from foundation.ids import FactIds

Work = Callable[[], Any]


def processes(works: Sequence[Work]) -> list[Any]:
    """What each returns, all let go at the same moment; raises what one of them raised."""
    connections.close_all()
    gate, opener = os.pipe()
    pipes = [_child(work, gate, opener) for work in works]
    os.close(gate)
    os.close(opener)
    return _results([_read(pid, pipe) for pid, pipe in pipes])


def _child(work: Work, gate: int, opener: int) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    # From here on in the child, which never returns to the tests.
    try:
        os.close(opener)
        os.read(gate, 1)
        said = pickle.dumps(_tried(work))
        while said:
            said = said[os.write(writing, said) :]
    finally:
        os._exit(0)


def _read(pid: int, pipe: int) -> Any:
    parts = []
    while part := os.read(pipe, 65536):
        parts.append(part)
    os.close(pipe)
    os.waitpid(pid, 0)
    return pickle.loads(b"".join(parts))


def threads(works: Sequence[Work]) -> list[Any]:
    """As `processes`, in this one."""
    found: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(place: int, work: Work) -> None:
        gate.wait(30)
        found[place] = _tried(work)
        connection.close()

    started = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(100)
    return _results(found)


def _tried(work: Work) -> Any:
    try:
        return True, work()
    except BaseException as error:
        return False, repr(error)


def _results(found: list[Any]) -> list[Any]:
    failed = [what for is_fine, what in found if not is_fine]
    assert not failed, failed
    return [what for _, what in found]


@dataclass
class Till:
    """Admits and settles as the bridge of a process does: together, and singly again where that failed."""

    number: int
    errors: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0

    def __post_init__(self) -> None:
        self.ids = FactIds(self.number)
        self.chance = random.Random(self.number)

    def run(
        self, asks: list[Ask], outcomes: list[Outcome]
    ) -> tuple[list[Admission | Refusal], list[Receipt]]:  # fmt: skip
        """Every ask is answered and every outcome recorded in the end."""
        try:
            return batch.run(asks, outcomes, self.ids)
        except batch.Conflict:
            self.conflicts += 1
        except DatabaseError as error:
            self.errors[repr(error)] += 1
        receipts = [self._singly([], [outcome])[1][0] for outcome in outcomes]
        return [self._singly([ask], [])[0][0] for ask in asks], receipts

    def _singly(
        self, asks: list[Ask], outcomes: list[Outcome]
    ) -> tuple[list[Admission | Refusal], list[Receipt]]:  # fmt: skip
        for _ in range(50):
            try:
                return batch.run(asks, outcomes, self.ids)
            except batch.Conflict:
                self.conflicts += 1
            except DatabaseError as error:
                self.errors[repr(error)] += 1
        raise AssertionError("A single call never came through.")

    def some(self, things: list[Any], most: int) -> list[list[Any]]:
        """The things in parts of random sizes."""
        parts = []
        left = list(things)
        while left:
            size = self.chance.randint(1, most)
            parts.append(left[:size])
            left = left[size:]
        return parts
