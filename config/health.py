"""Is the house alive, and may it be sent requests? Answered ahead of Django: no host check, no session, no redirect."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from gateway.http import Receive, Scope, Send

ALIVE, READY = "/healthz", "/readyz"
PATHS = frozenset({ALIVE, READY})
# Seconds; a database that hangs is a database that is away.
_PATIENCE = 3.0


class Health:
    """Answers /healthz and /readyz; `opened` and `draining` follow the life of the process."""

    def __init__(self, bridge_alive: Callable[[], bool]) -> None:
        self.opened = False
        self.draining = False
        self._bridge_alive = bridge_alive
        self._migrated = False
        # One thread: while a check hangs, the next one waits behind it and runs out of patience too.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(scope, send, 405, {"status": "method not allowed"}, [(b"allow", b"GET, HEAD")])
        elif scope["path"] == ALIVE:
            await _answer(scope, send, 200, {"status": "ok"})
        else:
            checks = await self.checks()
            ready = all(value == "ok" for value in checks.values())
            status = 200 if ready else 503
            await _answer(scope, send, status, {"status": "ok" if ready else "unavailable", "checks": checks})

    async def checks(self) -> dict[str, str]:
        """What is needed to serve, each `ok` or what is wrong with it."""
        if self.draining or not self.opened:
            return {"server": "stopping" if self.draining else "starting"}
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await loop.run_in_executor(self._thread, self._look)
        except TimeoutError:
            found = {"database": f"no answer within {_PATIENCE:.0f} s"}
        return {**found, "bridge": "ok" if self._bridge_alive() else "not running"}

    def _look(self) -> dict[str, str]:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            if not self._migrated:
                executor = MigrationExecutor(connection)
                self._migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return {"database": "cannot be reached"}
        finally:
            connection.close()
        return {"database": "ok", "migrations": "ok" if self._migrated else "missing; run manage.py migrate"}


async def _answer(
    scope: Scope, send: Send, status: int, content: dict[str, Any], extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = orjson.dumps(content)
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
        *(extra or ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
