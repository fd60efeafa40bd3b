"""The clock of the embedded set-up: calls the jobs of the schedule when they are due.

The jobs of a thread run one after the other.
"""

import logging
import threading
import time
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError, close_old_connections

from config.schedule import Job

log = logging.getLogger(__name__)


class Ticker:
    """A job that fails is logged and tried again when it is next due."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=[[job for job in jobs if job.thread == name]], name=name, daemon=True
            )
            for name in dict.fromkeys(job.thread for job in jobs)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the running jobs finish, for at most `timeout` seconds."""
        self._stop.set()
        ends = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _run(self, jobs: Sequence[Job]) -> None:
        dues = dict.fromkeys(jobs, time.monotonic())
        while not self._stop.is_set():
            for job, due in dues.items():
                if due <= time.monotonic() and not self._stop.is_set():
                    dues[job] = time.monotonic() + job.every
                    run(job)
            self._stop.wait(max(0.05, min(dues.values()) - time.monotonic()))


def run(job: Job) -> None:
    """Call the job with a connection that works before and is not kept afterwards."""
    close_old_connections()
    try:
        job.run()
    except (OperationalError, InterfaceError) as error:
        # A database that is away is away for every job, every few seconds: where each stood says nothing.
        log.warning("job %s failed, and is tried again: %s", job.name, " ".join(str(error).split()))
    except Exception:
        log.exception("job %s failed", job.name)
    finally:
        close_old_connections()
