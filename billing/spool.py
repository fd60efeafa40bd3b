"""Settlements that wait on disk while the database is away: one file a process, fsynced, replayed before it serves.

A file is locked by the process that writes it; a file whose process died is taken over by the next one that starts.
"""

import fcntl
import logging
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import orjson

from accounts.principal import ACTIVE, Principal
from billing.terms import Admission, Leg, Outcome, WindowLeg
from foundation.money import UnitPrices
from usage.counts import TokenCounts

log = logging.getLogger(__name__)
_SUFFIX = ".jsonl"


class Spool:
    """The settlements of this process that are not in the database yet; used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        # Files of processes that died, locked by us.
        self._inherited: list[tuple[Path, IO[bytes]]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._inherited and (self._file is None or _size(self._file) == 0)

    def append(self, outcome: Outcome) -> None:
        """Write one settlement down; it is on the disk when this returns. Raises OSError."""
        if self._file is None:
            self._open()
        assert self._file is not None
        whole = _size(self._file)
        left = encode(outcome) + b"\n"
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            # Of what is refused nothing may stay: the next one would be glued to it.
            with suppress(OSError):
                self._file.truncate(whole)
            raise

    def inherit(self) -> int:
        """Take over the files of processes that are gone; how many there are."""
        if not self._folder.is_dir():
            return 0
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path != self._path:
                self._take(path)
        return len(self._inherited)

    def read(self) -> list[Outcome]:
        """Everything that waits, oldest first; a line that was cut off by a crash was never acknowledged."""
        # By the open files: they are there as long as this process, whoever tidies the folder up.
        files = [file for _, file in self._inherited] + ([self._file] if self._file else [])
        return [outcome for file in files for outcome in _lines(file)]

    def reject(self, outcome: Outcome) -> None:
        """Keep what the database will never take where an operator finds it."""
        with (self._folder / "rejected.txt").open("ab") as file:
            file.write(encode(outcome) + b"\n")

    def clear(self) -> None:
        """Everything that `read` gave is in the database."""
        for path, file in self._inherited:
            path.unlink(missing_ok=True)
            file.close()
        self._inherited.clear()
        if self._file is not None:
            self._file.truncate(0)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let another process take over what still waits; an empty file is removed."""
        if self._file is not None and self._path is not None:
            if _size(self._file) == 0:
                self._path.unlink(missing_ok=True)
            self._file.close()
        for _, file in self._inherited:
            file.close()
        self._file, self._path, self._inherited = None, None, []

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Created under another name, so that nobody takes it over before it is locked.
        made = self._folder / f"{os.getpid()}-{uuid4().hex}.new"
        # Without a buffer, which could be neither written nor given up while the disk is full.
        file = made.open("a+b", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._path = made.rename(made.with_suffix(_SUFFIX))
        self._file = file
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _take(self, path: Path) -> None:
        try:
            file = path.open("a+b", buffering=0)
        except OSError as error:
            log.error("settlements wait in %s, which cannot be taken over: %s", path, error.strerror)
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Its process lives.
            file.close()
            return
        if path.exists():
            self._inherited.append((path, file))
        else:
            # Another one took it over and finished it between the listing and the lock.
            file.close()


def encode(outcome: Outcome) -> bytes:
    """One line of JSON; providers and their secrets are left out, settling does not need them."""
    data = asdict(outcome)
    admission = data["admission"]
    del admission["targets"]
    principal = admission["principal"]
    admission["principal"] = {
        name: principal[name] for name in ("key_id", "organization_id", "project_id", "secret_id")
    }
    return orjson.dumps(data)


def decode(line: bytes) -> Outcome:
    """The settlement of one line; raises ValueError, KeyError or TypeError for what `encode` did not write."""
    data = orjson.loads(line)
    found = data["admission"]
    found["principal"] = _principal(found["principal"])
    found["prices"] = UnitPrices(**found["prices"])
    found["price_ids"] = tuple(found["price_ids"])
    found["legs"] = tuple(Leg(**leg) for leg in found["legs"])
    found["window_legs"] = tuple(WindowLeg(**leg) for leg in found["window_legs"])
    data["admission"] = Admission(targets=(), **found)
    data["counts"] = TokenCounts(**data["counts"]) if data["counts"] else None
    return Outcome(**data)


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _lines(file: IO[bytes]) -> list[Outcome]:
    found = []
    file.seek(0)
    for line in file.read().split(b"\n"):
        if not line:
            continue
        try:
            found.append(decode(line))
        except (ValueError, KeyError, TypeError):
            log.warning("%s ends in a line that was cut off", file.name)
    return found


def _principal(ids: dict[str, Any]) -> Principal:
    return Principal(
        **ids,
        key_name="",
        organization_name="",
        user_id=None,
        state=ACTIVE,
        suspended=False,
        scopes=frozenset(),
        models=None,
        networks=(),
        organization_rpm=0,
        key_rpm=None,
    )
