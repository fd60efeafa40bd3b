"""The same jobs under a real Celery worker and beat, on Redis."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from config.schedule import JOBS
from tests.people import house
from tests.running import ROOT
from tests.waiting import LONG, until
from usage.models import PendingRollup, UsageRollup

pytestmark = [pytest.mark.redis, pytest.mark.database]


@pytest.fixture
def celery(own_database, redis_url, tmp_path):
    """A worker and a beat beside each other, on the database of this test."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "DATA_DIR": str(tmp_path), "DATABASE_URL": own_database, "REDIS_URL": redis_url}
    common = [sys.executable, "-m", "celery", "-A", "config.celery"]
    log = tmp_path / "celery.log"
    with log.open("ab") as output:
        started = [
            subprocess.Popen([*common, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output)
            for arguments in (["worker", "--pool", "solo", "--loglevel", "INFO"], ["beat", "--loglevel", "INFO"])
        ]
    yield log
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def test_beat_and_worker_fold_usage(celery):
    alice = house()
    PendingRollup.objects.create(
        organization_id=alice.organization.pk,
        project_id=alice.project.pk,
        api_key_id=alice.key()[0].pk,
        model="deepseek-chat",
        bucket=datetime(2026, 1, 1, tzinfo=UTC),
        requests=1,
        input_tokens=10,
        cached_input_tokens=0,
        output_tokens=5,
        charge=8_200,
        event_id=1,
    )
    # Two programs that import everything, and a job that is due every few seconds.
    assert until(lambda: not PendingRollup.objects.exists(), 2 * LONG), f"nothing was folded:\n{celery.read_text()}"
    assert UsageRollup.objects.get().output_tokens == 5


def test_the_worker_knows_every_job_of_the_schedule(celery):
    assert until(lambda: "ready." in celery.read_text(), 2 * LONG), celery.read_text()
    text = celery.read_text()
    for job in JOBS:
        assert f". {job.name}\n" in text
