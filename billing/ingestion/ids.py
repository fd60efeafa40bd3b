"""Ids for what this process ingests, apart from those of every other process."""

import os
from functools import lru_cache

from django.db import connection

from billing.models import MeteringProcess
from foundation.ids import FactIds


def fact_ids() -> FactIds:
    """This process's ids in the database that it works on."""
    return _of(os.getpid(), str(connection.settings_dict["NAME"]))


@lru_cache(maxsize=8)
def _of(pid: int, database: str) -> FactIds:
    return FactIds(MeteringProcess.objects.create(host="ingestion").pk)
