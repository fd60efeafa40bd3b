"""Who is calling, as the database has it now: key, organization and plan in one query a batch."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from accounts.principal import ACTIVE, DISABLED, EXPIRED, REVOKED, Principal
from foundation.sql import Cursor, Result, batch_cursor, utc

_COLUMNS = """
    k.id, k.name, k.organization_id, k.project_id, k.owner_id, k.scopes, k.allowed_models, k.allowed_networks,
    k.requests_per_minute, k.expires_at, k.disabled_at, k.revoked_at,
    o.name, o.suspended_at, o.confirmed_at, o.time_zone, p.archived_at, p.name,
    u.requests_per_minute, n.requests_per_minute, n.id, n.code, n.monthly_credit,
    (SELECT number FROM catalog_catalogrevision WHERE id = 1),
    EXISTS (SELECT 1 FROM billing_spendinglimit l WHERE l.organization_id = k.organization_id AND l.removed_at IS NULL)
"""
_JOINS = """
    JOIN accounts_organization o ON o.id = k.organization_id
    JOIN accounts_project p ON p.id = k.project_id
    LEFT JOIN billing_subscription u ON u.organization_id = k.organization_id
    LEFT JOIN catalog_plan n ON n.id = u.plan_id
"""
_BY_SECRET = (
    f"SELECT s.fingerprint, s.id, s.ends_at, {_COLUMNS} FROM accounts_apikeysecret s "  # noqa: S608
    f"JOIN accounts_apikey k ON k.id = s.api_key_id {_JOINS} WHERE s.fingerprint = ANY(%s)"
)
_BY_KEY = f"SELECT NULL, NULL, NULL, {_COLUMNS} FROM accounts_apikey k {_JOINS} WHERE k.id = ANY(%s)"  # noqa: S608
_BY_PLAYGROUND_KEY = _BY_KEY.replace("WHERE", "WHERE k.is_playground AND")


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal with what only admission needs."""

    principal: Principal
    plan_id: int | None
    plan_code: str
    # nano-USD
    monthly_credit: int
    zone: ZoneInfo
    confirmed: bool
    project_name: str
    key_expires_at: datetime | None
    secret_ends_at: datetime | None
    # Of the catalog, at the moment of reading.
    revision: int | None
    # Whether anything of the organization has a limit.
    has_limits: bool

    def at(self, now: datetime) -> "Caller":
        """The caller with the state that holds at `now`."""
        if self.principal.state != ACTIVE:
            return self
        if self.secret_ends_at and self.secret_ends_at <= now:
            return replace(self, principal=replace(self.principal, state=REVOKED))
        if self.key_expires_at and self.key_expires_at <= now:
            return replace(self, principal=replace(self.principal, state=EXPIRED))
        return self


def _list(value: Any) -> list[Any] | None:
    """A JSON column as the driver returns it: text or bytes."""
    found: list[Any] | None = orjson.loads(value) if isinstance(value, str | bytes) else value
    return found


# Most batches repeat the same few rows: an unchanged row is resolved once.
@lru_cache(maxsize=8192)
def _caller(row: tuple[Any, ...]) -> Caller:
    (
        _, secret_id, ends_at, key_id, key_name, organization_id, project_id, owner_id, scopes, models, networks,
        key_rpm, expires_at, disabled_at, revoked_at, organization_name, suspended_at, confirmed_at, zone, archived_at,
        project_name,        agreed_rpm, plan_rpm, plan_id, plan_code, monthly_credit, revision, has_limits,
    ) = row  # fmt: skip
    state = REVOKED if revoked_at else DISABLED if disabled_at or archived_at else ACTIVE
    allowed = _list(models)
    principal = Principal(
        key_id=key_id,
        key_name=key_name,
        organization_id=organization_id,
        organization_name=organization_name,
        project_id=project_id,
        user_id=owner_id,
        state=state,
        suspended=suspended_at is not None,
        scopes=frozenset(_list(scopes) or ()),
        models=None if allowed is None else frozenset(allowed),
        networks=tuple(_list(networks) or ()),
        organization_rpm=agreed_rpm or plan_rpm or 0,
        key_rpm=key_rpm,
        secret_id=secret_id,
    )
    return Caller(
        principal=principal,
        plan_id=plan_id,
        plan_code=plan_code or "",
        monthly_credit=monthly_credit or 0,
        zone=ZoneInfo(zone),
        confirmed=confirmed_at is not None,
        project_name=project_name,
        key_expires_at=utc(expires_at),
        secret_ends_at=utc(ends_at),
        revision=revision,
        has_limits=bool(has_limits),
    )


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who some asks come from, on its way to the database and back."""

    by_secret: Result | None
    by_playground_key: Result | None

    def answer(self, now: datetime) -> tuple[dict[str, Caller], dict[int, Caller]]:
        """Callers by the fingerprint of their secret, and by the id of a playground key."""
        by_secret = self.by_secret.fetchall() if self.by_secret else ()
        by_key = self.by_playground_key.fetchall() if self.by_playground_key else ()
        return (
            {row[0]: _caller(row).at(now) for row in by_secret},
            {row[3]: _caller(row).at(now) for row in by_key},
        )


def inquire(cursor: Cursor, fingerprints: list[str], playground_key_ids: list[int]) -> Inquiry:
    """Ask for callers by the hexadecimal fingerprint of their secret, or by their project's playground key."""
    return Inquiry(
        cursor.execute(_BY_SECRET, [fingerprints]) if fingerprints else None,
        cursor.execute(_BY_PLAYGROUND_KEY, [playground_key_ids]) if playground_key_ids else None,
    )


def by_secret(fingerprints: list[str], now: datetime) -> dict[str, Caller]:
    """Callers by the hexadecimal fingerprint of their secret; an unknown one is absent."""
    with batch_cursor() as cursor:
        return inquire(cursor, fingerprints, []).answer(now)[0]


def by_playground_key(key_ids: list[int], now: datetime) -> dict[int, Caller]:
    """Callers that enter with a session, by the id of their project's playground key."""
    with batch_cursor() as cursor:
        return inquire(cursor, [], key_ids).answer(now)[1]


def by_key(key_ids: list[int], now: datetime) -> dict[int, Caller]:
    """Callers by the id of their key, whoever asks about them."""
    with batch_cursor() as cursor:
        return {row[3]: _caller(row).at(now) for row in cursor.execute(_BY_KEY, [key_ids]).fetchall()}
