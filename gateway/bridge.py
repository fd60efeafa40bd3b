"""The only place where the gateway reaches the database.

One writer thread per process with one connection: calls that arrive together are one batch in one transaction (group
commit). While a batch commits the next one gathers, so the batch size follows the load by itself.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from accounts import keys
from accounts.principal import Principal
from billing import admission, balances, batch, callers, heartbeat, provider_health, refused, settlement
from billing.models import MeteringProcess
from billing.spool import Spool
from billing.terms import Admission, Ask, BridgeUnavailable, Outcome, Receipt, Refusal, RefusalNote
from catalog.prices import price_list
from foundation import secrets
from foundation.ids import FactIds
from foundation.money import CURRENCY, usd_string
from gateway.figures import BridgeFigures
from gateway.provider_tries import ProviderNotes
from gateway.secret_uses import SecretUses
from usage import organization_reports
from usage.counts import TokenCounts
from usage.report_query import ReportQuery

log = logging.getLogger(__name__)

T = TypeVar("T")
_MOST_IN_A_BATCH = 256
_TRIES = 8
_RENEW_EVERY = 5.0
_PROGRESS_EVERY = 1.0
# A process that cannot renew for this long must assume that its holds are being recovered.
_FENCE_AFTER = 20.0
# Refusals of one second that are counted; what is beyond is an attack, and shows in the request log.
_MOST_REFUSALS = 20_000
_REPLAYED_AT_ONCE = 100
# With so many requests under way a batch waits so many seconds for company.
_BUSY, _GATHER = 8, 0.0006


@dataclass(slots=True)
class _Call:
    verb: str
    payload: Any
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    since: float
    result: Any = None
    error: BaseException | None = None


class Bridge:
    """Verbs that the gateway awaits; everything behind them is synchronous."""

    def __init__(self) -> None:
        self.figures = BridgeFigures(lambda: len(self._queue), lambda: len(self._live), lambda: self.is_alive)
        self._queue: list[_Call] = []
        self._gathering = False
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._writer: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._ids: FactIds | None = None
        self._live: set[int] = set()
        self._progress: dict[int, TokenCounts] = {}
        self._renewed_at = time.monotonic()
        self._releases: set[asyncio.Future[Receipt]] = set()
        self._pepper = settings.KEY_PEPPER.encode()
        self._spool = Spool(settings.DATA_DIR / "spool")
        # The last call found no database: the next ones do not wait for it, but try once.
        self._away = False
        self._uses = SecretUses()
        self._providers = ProviderNotes()
        self._refusals: deque[RefusalNote] = deque(maxlen=_MOST_REFUSALS)

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        """Start the writer thread; call it in the ASGI lifespan, never at import."""
        self._stopping = False
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bridge-read")
        self._writer = threading.Thread(target=self._run, name="bridge-writer", daemon=True)
        self._writer.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish what is queued, then end the threads."""
        self._stopping = True
        self._wake.set()
        if self._writer:
            self._writer.join(timeout)
        if self._readers:
            self._readers.shutdown(wait=True)

    @property
    def is_alive(self) -> bool:
        """Whether the writer runs and its leases are being renewed."""
        return bool(self._writer and self._writer.is_alive()) and not self._is_fenced()

    def _is_fenced(self) -> bool:
        return time.monotonic() - self._renewed_at > _FENCE_AFTER

    # ---------------------------------------------------------------- verbs

    def fingerprint(self, secret: str) -> bytes | None:
        """Keyed hash of a secret, 32 bytes; None for what cannot be one of ours, without a query."""
        return secrets.fingerprint(secret, self._pepper) if secrets.is_well_formed(secret) else None

    async def authenticate(self, secret_hash: bytes) -> Principal | None:
        """Who the secret belongs to at this moment; None for nobody."""
        result: Principal | None = await self._submit("authenticate", secret_hash)
        return result

    async def admit(self, ask: Ask) -> Admission | Refusal:
        """Hold credit for the request, or say why not; raises BridgeUnavailable."""
        if self._is_fenced():
            raise BridgeUnavailable("The database has not answered for some time.")
        result: Admission | Refusal = await self._submit("admit", ask)
        return result

    async def settle(self, outcome: Outcome) -> Receipt:
        """Record and charge what was produced; returns after the commit."""
        result: Receipt = await self._submit("settle", outcome)
        return result

    async def progress(self, admission: Admission, counts: TokenCounts) -> bool:
        """Note how far a stream is; False: the hold can no longer be renewed, stop the stream."""
        if admission.hold_id in self._live:
            self._progress[admission.hold_id] = counts
        return not self._is_fenced()

    def note_refusal(self, note: RefusalNote) -> None:
        """Count a refused request and keep it among its key's newest; nobody waits for it."""
        self._refusals.append(note)

    def note_call(self, principal: Principal, address: str) -> None:
        """A key was used for what is not metered; nobody waits for it."""
        self._uses.note(principal, address)

    def note_try(self, provider_id: int, failure: str = "") -> None:
        """A provider answered, or failed so; nobody waits for it."""
        self._providers.note(provider_id, failure)

    async def models(self, principal: Principal) -> list[dict[str, Any]]:
        """The models that the caller may use, as the contract's model objects."""
        return await self.read(_models, principal)

    async def balance(self, organization_id: int) -> dict[str, Any]:
        """The organization's credit in the contract's shape; amounts as decimal strings of USD."""
        return await self.read(_balance, organization_id)

    async def usage_report(self, organization_id: int, query: ReportQuery) -> dict[str, Any]:
        """A page of the organization's usage in the contract's shape."""
        return await self.read(organization_reports.usage_page, organization_id, query)

    async def costs_report(self, organization_id: int, query: ReportQuery) -> dict[str, Any]:
        """A page of the organization's costs in the contract's shape; for orjson, amounts are exact numbers."""
        return await self.read(organization_reports.costs_page, organization_id, query)

    async def recent_admissions(self) -> list[tuple[int, int, float]]:
        """(organization id, key id, unix seconds) of everything admitted in the last 60 s, oldest first."""
        return await self.read(admission.recent)

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        """Run a read-only function in a reader thread with a connection of its own; raises BridgeUnavailable."""
        if self._readers is None:
            raise BridgeUnavailable("The bridge is not running.")
        return await asyncio.get_running_loop().run_in_executor(self._readers, _read, function, args)

    async def _submit(self, verb: str, payload: Any) -> Any:
        if self._stopping or self._writer is None:
            raise BridgeUnavailable("The gateway is stopping.")
        loop = asyncio.get_running_loop()
        call = _Call(verb, payload, loop, loop.create_future(), time.perf_counter())
        # Woken once the loop has run everything that is ready: what arrives together becomes one batch.
        with self._lock:
            self._queue.append(call)
            is_first = not self._gathering
            self._gathering = True
        if is_first:
            loop.call_soon(self._hand_over)
        return await call.future

    def _hand_over(self) -> None:
        self._gathering = False
        self._wake.set()

    # ---------------------------------------------------------------- the writer thread

    def _run(self) -> None:
        self._spool.inherit()
        while True:
            self._wake.wait(timeout=_PROGRESS_EVERY)
            if len(self._live) >= _BUSY:
                # More is about to arrive, and a commit costs the same for many as for few.
                time.sleep(_GATHER)
            self._wake.clear()
            with self._lock:
                calls, self._queue = self._queue[:_MOST_IN_A_BATCH], self._queue[_MOST_IN_A_BATCH:]
                if self._queue:
                    self._wake.set()
            self._replay()
            if calls:
                self._serve(calls)
            elif self._stopping:
                break
            self._beat()
        self._note_refusals()
        self._spool.close()
        connection.close()

    def _replay(self) -> None:
        """Settle what waits in the spool, before anything else is served."""
        try:
            if not self._spool.is_empty:
                self._replay_spool()
        except OSError as error:
            # It stays there, and is tried again; settling a second time changes nothing.
            log.error("the spool can be neither read nor emptied: %s", error)

    def _replay_spool(self) -> None:
        outcomes = self._spool.read()
        try:
            late = 0
            for start in range(0, len(outcomes), _REPLAYED_AT_ONCE):
                late += self._replay_some(outcomes[start : start + _REPLAYED_AT_ONCE])
        except (OperationalError, InterfaceError, batch.Conflict):
            self._away = True
            connection.close()
            return
        self._away = False
        for outcome in outcomes:
            self._ended(outcome.admission.hold_id)
        self._spool.clear()
        log.warning("replayed %d settlements from the spool, %d were already recorded", len(outcomes), late)

    def _replay_some(self, outcomes: list[Outcome]) -> int:
        """How many of them had been recorded or recovered before."""
        try:
            receipts = batch.run([], outcomes, self._fact_ids())[1]
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if len(outcomes) > 1:
                return sum(self._replay_some([outcome]) for outcome in outcomes)
            if isinstance(error, batch.Conflict):
                raise
            log.exception("a settlement from the spool is impossible; it is kept aside")
            self._spool.reject(outcomes[0])
            return 0
        return sum(1 for outcome, made in zip(outcomes, receipts, strict=True) if outcome.counts and not made.event_id)

    def _serve(self, calls: list[_Call]) -> None:
        started = time.perf_counter()
        waited = started - min(call.since for call in calls)
        try:
            self._batch(calls)
        except Exception as error:
            log.debug("batch of %d rolled back: %r; replaying singly", len(calls), error)
            self.figures.replay()
            for call in calls:
                self._single(call)
        self.figures.batch(len(calls), time.perf_counter() - started, waited)
        self._resolve(calls)

    def _batch(self, calls: list[_Call]) -> None:
        """All calls in one transaction; any exception means that none of them happened."""
        self._authenticate([call for call in calls if call.verb == "authenticate"])
        admits = [call for call in calls if call.verb == "admit"]
        settles = [call for call in calls if call.verb == "settle"]
        if not admits and not settles:
            return
        answers, receipts = batch.run(
            [call.payload for call in admits], [call.payload for call in settles], self._fact_ids()
        )
        for call, answer in zip(admits, answers, strict=True):
            call.result = answer
            if isinstance(answer, Admission):
                self._live.add(answer.hold_id)
                self._uses.note(answer.principal, call.payload.address)
        for call, receipt in zip(settles, receipts, strict=True):
            call.result = receipt
            self._ended(call.payload.admission.hold_id)
        self._away = False

    def _ended(self, hold_id: int) -> None:
        self._live.discard(hold_id)
        self._progress.pop(hold_id, None)

    def _authenticate(self, calls: list[_Call]) -> None:
        if not calls:
            return
        hashes = list({call.payload.hex() for call in calls})
        found = callers.by_secret(hashes, timezone.now())
        for call in calls:
            caller = found.get(call.payload.hex())
            call.result = caller.principal if caller else None

    def _single(self, call: _Call) -> None:
        """One call alone, tried again while other processes are in the way or the database is away."""
        for attempt in range(1 if self._away else _TRIES):
            try:
                self._batch([call])
                call.error = None
                return
            except batch.Conflict as error:
                call.error = error
            except (OperationalError, InterfaceError) as error:
                call.error = error
                connection.close()
                time.sleep(min(0.05 * 2**attempt, 1.0))
            except Exception as error:
                log.exception("a %s failed", call.verb)
                call.error = error
                return
        self._away = not isinstance(call.error, batch.Conflict)
        if call.verb == "settle" and self._spooled(call):
            return
        unavailable = BridgeUnavailable("The database cannot be reached.")
        unavailable.__cause__ = call.error
        call.error = unavailable

    def _spooled(self, call: _Call) -> bool:
        """Put a settlement on the disk instead; its hold stays, with its heartbeat, until the spool is replayed."""
        outcome: Outcome = call.payload
        try:
            self._spool.append(outcome)
        except OSError:
            log.exception("a settlement could not be written to the spool")
            # Without a heartbeat the sweeper recovers the hold once the database is back.
            self._ended(outcome.admission.hold_id)
            return False
        self.figures.spool()
        call.error = None
        call.result = settlement.foreseen(outcome)
        return True

    def _fact_ids(self) -> FactIds:
        if self._ids is None:
            self._ids = FactIds(MeteringProcess.objects.create().pk)
        return self._ids

    def _beat(self) -> None:
        """Renew the leases of this process's holds and write down the progress of its streams."""
        now = time.monotonic()
        due = now - self._renewed_at
        if due < _PROGRESS_EVERY or (due < _RENEW_EVERY and not self._has_news):
            return
        progress = {pk: counts for pk, counts in list(self._progress.items()) if pk in self._live}
        try:
            if self._live:
                heartbeat.renew(list(self._live), progress)
            else:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
        except (OperationalError, InterfaceError):
            log.warning("the heartbeat could not be written")
            connection.close()
            return
        for pk, counts in progress.items():
            if self._progress.get(pk) is counts:
                self._progress.pop(pk, None)
        self._renewed_at = now
        self._note_refusals()

    @property
    def _has_news(self) -> bool:
        return bool(self._progress or self._refusals or self._providers)

    def _note_refusals(self) -> None:
        """Write down the refusals and calls of the last seconds; they are not worth a request."""
        notes = [self._refusals.popleft() for _ in range(len(self._refusals))]
        uses = self._uses.due(time.monotonic())
        tries = self._providers.take()
        try:
            if notes:
                refused.record(notes)
            if tries:
                with transaction.atomic():
                    provider_health.record(tries)
            if uses:
                with transaction.atomic():
                    keys.note_uses(uses)
        except DatabaseError:
            log.warning("%d refusals could not be counted", len(notes), exc_info=True)
            connection.close()

    def _resolve(self, calls: list[_Call]) -> None:
        """Wake the waiting coroutines: one call into each event loop for the whole batch."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Call]] = {}
        for call in calls:
            by_loop.setdefault(call.loop, []).append(call)
        for loop, ended in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._set_results, ended)
            except RuntimeError:
                log.warning("an event loop closed before %d answers reached it", len(ended))
                self._forsake(ended)

    def _set_results(self, calls: list[_Call]) -> None:
        for call in calls:
            if call.future.done():
                self._forsake([call])
            elif call.error is not None:
                call.future.set_exception(call.error)
            else:
                call.future.set_result(call.result)

    def _forsake(self, calls: list[_Call]) -> None:
        """Nobody waits for these any more: an admission without a client is released."""
        for call in calls:
            if isinstance(call.result, Admission) and not call.loop.is_closed():
                call.loop.call_soon_threadsafe(self._release, call.result)
            elif isinstance(call.result, Admission):
                # No loop to settle in: without a heartbeat the sweeper releases it.
                self._live.discard(call.result.hold_id)

    def _release(self, admission: Admission) -> None:
        outcome = Outcome(admission, None, "partial", "client_closed", None, None, time.time())
        task = asyncio.ensure_future(self.settle(outcome))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)


def _models(principal: Principal) -> list[dict[str, Any]]:
    return [
        {
            "id": listed.model.name,
            "object": "model",
            "created": int(listed.model.created_at.timestamp()),
            "owned_by": listed.model.owned_by,
            "context_length": listed.model.context_length,
            "max_output_tokens": listed.model.max_output,
        }
        for listed in price_list()
        if principal.models is None or listed.model.name in principal.models
    ]


def _balance(organization_id: int) -> dict[str, Any]:
    found = balances.balance(organization_id)
    return {
        "is_available": found.available > 0,
        "balance_infos": [
            {
                "currency": CURRENCY,
                "total_balance": usd_string(found.posted),
                "granted_balance": usd_string(found.granted),
                "topped_up_balance": usd_string(found.paid),
            }
        ],
    }


def _read(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    close_old_connections()
    try:
        return function(*args)
    except (OperationalError, InterfaceError) as error:
        raise BridgeUnavailable("The database cannot be reached.") from error
