"""The built-in demo provider as a child process: a loopback listener of its own that ends when its parent does."""

import logging
import subprocess
import sys
import threading

from django.conf import settings

log = logging.getLogger(__name__)


# Seconds before one that ended by itself is started again.
_PAUSE = 1.0


class DemoChild:
    """Starts `python -m gateway.demo`, which leaves when its standard input closes: also when we are killed.

    When it ends by itself it is started again on the same port.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._port = 0
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        delay = str(settings.DEMO_PROVIDER_DELAY_MS)
        return subprocess.Popen(
            [sys.executable, "-m", "gateway.demo", "--port", str(self._port), "--delay-ms", delay],
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
        self._port = int(line)
        threading.Thread(target=self._watch, name="demo-watch", daemon=True).start()
        return f"http://127.0.0.1:{line}/v1"

    def _watch(self) -> None:
        """Read what it still prints, so that the pipe never fills, and start it again when it is gone."""
        while True:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                log.info("demo provider: %s", line.rstrip())
            self._process.wait()
            if self._stopped.wait(_PAUSE):
                return
            log.error("the demo provider ended by itself and is started again")
            self._process = self._start()

    def stop(self) -> None:
        """End it, whether it ran or not."""
        self._stopped.set()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(timeout=10)
