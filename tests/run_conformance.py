"""Run tests/conformance against a server of its own: `python -m tests.run_conformance [pytest arguments]`.

On the database that DATABASE_URL names (it must be empty or migrated), else on a fresh SQLite file.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.running import ROOT, RunningServer


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        data_dir = Path(folder)
        database_url = os.environ.get("DATABASE_URL") or f"sqlite:///{data_dir}/meterhouse.sqlite3"
        server = RunningServer(data_dir, database_url, extra={"DEMO_PROVIDER_DELAY_MS": "1"}).start()
        try:
            keys = dict(line.split("=", 1) for line in server.manage("conformance_keys", "--skip-checks").splitlines())
            environment = {
                **os.environ,
                **keys,
                "BASE_URL": f"{server.url}/v1",
                "NODE_PATH": str(ROOT / "node_modules"),
                "PYTHONPATH": str(ROOT),
            }
            # Its own configuration: nothing of the project's pytest settings or plugins applies.
            command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "--confcutdir", "."]
            return subprocess.run(
                [*command, "-p", "no:django", "-p", "no:asyncio", "-p", "no:cacheprovider", "-ra", *arguments],
                cwd=ROOT / "tests" / "conformance",
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
            ).returncode
        finally:
            server.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
