"""A migrated SQLite database, made once for a state of the migrations: they take seconds that every run would pay."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT

_FOLDER = ROOT / ".pytest_cache" / "migrated"
_MADE_BY = ("*/migrations/*.py", "foundation/*.py", "requirements-dev.lock")


def file() -> Path:
    """The file to copy; of several processes that ask at once one makes it and the others wait."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    found = _FOLDER / f"{_state()}.sqlite3"
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _make(found)
    return found


def _state() -> str:
    digest = hashlib.sha256()
    for pattern in _MADE_BY:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def _make(target: Path) -> None:
    for old in _FOLDER.glob("*.sqlite3*"):
        old.unlink()
    made = target.with_suffix(".making")
    made.unlink(missing_ok=True)
    settings = {"DATABASE_URL": f"sqlite:///{made}", "DATA_DIR": str(_FOLDER / "data"), "REDIS_URL": ""}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, check=True)
    # The last connection that closed wrote the log back: the file is all there is.
    made.replace(target)
