"""The same schedule under Celery: `celery -A config.celery worker` and `celery -A config.celery beat`."""

import os

import django
from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The registry of apps must be ready before the import below.
django.setup()

from config.schedule import JOBS

app = Celery("meterhouse", broker=settings.REDIS_URL or None)
app.conf.update(
    task_ignore_result=True,
    task_default_queue="meterhouse",
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule_filename=str(settings.DATA_DIR / "celerybeat-schedule"),
    beat_schedule={
        # A call that waited longer than its period is dropped: the next one does its work.
        job.name: {"task": job.name, "schedule": job.every, "options": {"expires": job.every}}
        for job in JOBS
    },
)
for job in JOBS:
    app.task(job.run, name=job.name)
