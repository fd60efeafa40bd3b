"""The built-in demo provider as a child process: a loopback listener of its own that ends when its parent does."""

import logging
import subprocess
import sys
import threading

from django.conf import settings

log = logging.getLogger(__name__)


class DemoChild:
    """Starts `python -m gateway.demo`, which leaves when its standard input closes: also when we are killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.demo", "--port", "0", "--delay-ms", str(settings.DEMO_PROVIDER_DELAY_MS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            text=True,
        )

    def base_url(self) -> str:
        """Where it listens; waits for its first line. Raises RuntimeError when it did not start."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.isdigit():
            self.stop()
            raise RuntimeError("The demo provider did not start.")
        threading.Thread(target=self._watch, name="demo-watch", daemon=True).start()
        return f"http://127.0.0.1:{line}/v1"

    def _watch(self) -> None:
        """Read what it still prints, so that the pipe never fills, and say when it is gone."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            log.info("demo provider: %s", line.rstrip())
        if self._process.wait() not in (0, -15):
            log.error("the demo provider ended by itself; start the server again to have it back")

    def stop(self) -> None:
        """End it, whether it ran or not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(timeout=10)
