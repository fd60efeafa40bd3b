"""The clock of the embedded set-up: one thread that calls the jobs of the schedule when they are due."""

import logging
import threading
import time
from collections.abc import Sequence

from django.db import close_old_connections

from config.schedule import Job

log = logging.getLogger(__name__)


class Ticker:
    """Runs jobs one after the other; a job that fails is logged and tried again when it is next due."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._due = dict.fromkeys(jobs, time.monotonic())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the running job finish, for at most `timeout` seconds."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            for job, due in self._due.items():
                if due <= time.monotonic() and not self._stop.is_set():
                    self._due[job] = time.monotonic() + job.every
                    run(job)
            self._stop.wait(max(0.05, min(self._due.values()) - time.monotonic()))


def run(job: Job) -> None:
    """Call the job with a connection that works before and is not kept afterwards."""
    close_old_connections()
    try:
        job.run()
    except Exception:
        log.exception("job %s failed", job.name)
    finally:
        close_old_connections()
