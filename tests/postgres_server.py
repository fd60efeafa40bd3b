"""A throw-away PostgreSQL for tests: `python -m tests.postgres_server COMMAND...` runs a command beside one.

The machine's own binaries, a temporary directory, a loopback port of its own.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from tests import ports
from tests.waiting import until

_USER = "meterhouse"


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def binaries() -> Path | None:
    """The folder with the newest initdb and postgres of this machine."""
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if debian:
        return max(debian, key=_version)
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found and shutil.which("postgres") else None


def _account() -> tuple[int, int] | None:
    """Whom it runs as when we are root, which it refuses to run as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise RuntimeError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`.")


class PostgresServer:
    """Started when made; `close` ends it and removes its files."""

    def __init__(self, *options: str) -> None:
        found = binaries()
        assert found, "PostgreSQL is not installed on this machine"
        self._binaries = found
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if self._account:
            os.chown(self._folder, *self._account)
        self._held = ports.hold()
        self.port = ports.number(self._held)
        self._options = options
        self._run("initdb", "-D", "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """The address of another database of this server."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start, also after `kill`."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            # Survives the death of the server, not of the machine; that is enough for a test.
            "fsync": "off",
            "full_page_writes": "off",
            "checkpoint_timeout": "1h",
            "max_wal_size": "4GB",
        }
        pairs = [f"-c{name}={value}" for name, value in settings.items()]
        log = (self._folder / "log").open("ab")
        self._process = self._open("postgres", "-D", "data", "-p", str(self.port), *pairs, *self._options, log=log)
        if not until(lambda: self._is_ready() or self._process.poll() is not None, 120) or not self._is_ready():
            raise RuntimeError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()}")

    def _is_ready(self) -> bool:
        return self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False) == 0

    def _open(self, program: str, *arguments: str, log: object) -> "subprocess.Popen[bytes]":
        user, group = self._account or (None, None)
        return subprocess.Popen(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            user=user,
            group=group,
            extra_groups=[] if self._account else None,
        )

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        process = self._open(program, *arguments, log=subprocess.PIPE)
        said, _ = process.communicate(timeout=120)
        if check and process.returncode:
            raise RuntimeError(f"{program} failed:\n{said.decode(errors='replace')}")
        return int(process.returncode)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._run("pg_ctl", "-D", "data", "stop", "-m", "immediate", check=False)
        self._process.wait(30)

    def crash(self) -> None:
        """End every process of it with SIGKILL, the first one first."""
        pid = self._process.pid
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._process.kill()
        self._process.wait(30)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def close(self) -> None:
        """End it and remove its files."""
        if self._process.poll() is None:
            self.kill()
        self._held.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def main(command: list[str]) -> int:
    """Run a command with DATABASE_URL set to a throw-away server; 69 when there are no binaries."""
    if binaries() is None:
        sys.stderr.write("PostgreSQL is not installed on this machine (initdb and postgres).\n")
        return os.EX_UNAVAILABLE
    # A stop request must not leave the server behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with closing(PostgresServer()) as server:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
