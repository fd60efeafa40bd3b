"""A worker that starts while the database is away waits for it: uvicorn ends all workers when one does not start."""

import asyncio

from gateway.app import Gateway
from gateway.bridge import Bridge
from gateway.limiter.in_process import InProcessLimiter
from tests.databases import using


def test_it_starts_while_the_database_is_away(tmp_path, django_db_blocker, caplog):
    async def start_and_stop():
        gateway = Gateway(Bridge(), InProcessLimiter())
        await gateway.startup()
        await gateway.shutdown()

    with django_db_blocker.unblock(), using(f"sqlite:///{tmp_path}/away/meterhouse.sqlite3"):
        asyncio.run(start_and_stop())
    assert "the database cannot be reached" in caplog.text
