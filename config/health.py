"""Is the process alive, and is it ready to serve? For load balancers and people."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from gateway.app import Gateway

_gateway: Gateway | None = None
_migrated = False


def connect(gateway: Gateway) -> None:
    """The gateway has started in this process."""
    global _gateway
    _gateway = gateway


def disconnect() -> None:
    """The gateway is stopping: not ready any more."""
    global _gateway
    _gateway = None


def alive(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and bridge are in order, else 503; says which is not."""
    checks = {"database": _database(), "migrations": False, "bridge": _gateway is not None and _gateway.bridge.is_alive}
    checks["migrations"] = checks["database"] and _migrations()
    good = all(checks.values())
    return JsonResponse({"status": "ok" if good else "not ready", "checks": checks}, status=200 if good else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _migrations() -> bool:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated
