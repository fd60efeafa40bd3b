"""One metered request, in order: who, how often, what; admit, ask, stream, settle."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import orjson

from accounts.principal import Principal
from billing.terms import Admission, Ask, BridgeUnavailable, Outcome, Receipt, Refusal
from foundation.money import usd_string
from gateway import chat_request, errors, permission, refusals, tokens, usage_meter
from gateway.answer import ChunkWriter, Completion, Malformed
from gateway.bridge import Bridge
from gateway.callers import Caller, Callers
from gateway.chat_request import ChatRequest
from gateway.departure import Departure
from gateway.errors import ApiError
from gateway.event_stream import EventStream
from gateway.http import ClientGone, Exchange
from gateway.limiter import RateLimiter, Slot
from gateway.limiter.headers import rate_limit_headers, retry_after_seconds
from gateway.options import GatewayOptions
from gateway.sse import EventReader
from gateway.upstream import Answer, Upstream
from usage.counts import TokenCounts

log = logging.getLogger(__name__)

_PROGRESS_SECONDS = 1.0
_PROGRESS_PIECES = 256
_TRIES = 3
_STOPPING = "The service is being restarted. Try again."


class _HintWasWrong(Exception):
    """What the process remembered of the caller is no longer true: look again."""


@dataclass(slots=True)
class _Work:
    """An admitted request under way."""

    exchange: Exchange
    request: ChatRequest
    ask: Ask
    admission: Admission
    departure: Departure
    first_token_at: float | None = None
    settled: bool = False


class Completions:
    """The chat route; the playground enters the same line with a session's principal."""

    def __init__(
        self, bridge: Bridge, limiter: RateLimiter, upstream: Upstream, callers: Callers, options: GatewayOptions
    ) -> None:
        self._bridge = bridge
        self._limiter = limiter
        self._upstream = upstream
        self._callers = callers
        self._options = options

    async def serve(self, exchange: Exchange) -> None:
        """Answer one request to the chat route; raises ApiError while nothing was sent."""
        secret_hash = self._callers.fingerprint(exchange)
        for attempt in range(_TRIES):
            caller = await self._callers.find(secret_hash, fresh=attempt > 0)
            try:
                await self._attempt(exchange, caller)
                return
            except _HintWasWrong:
                self._callers.forget(secret_hash)
                exchange.extra.clear()
        raise errors.overloaded("The limits of this key are changing right now. Try again.")

    async def serve_session(self, exchange: Exchange, principal: Principal, user_id: int) -> None:
        """As `serve`, for a person who is logged in: the principal is that of the project's playground key."""
        for _ in range(_TRIES):
            try:
                await self._attempt(exchange, Caller(principal, None, user_id=user_id))
                return
            except _HintWasWrong as wrong:
                exchange.extra.clear()
                found = wrong.args[0] if wrong.args else None
                if found is None:
                    break
                principal = found
        raise errors.forbidden("insufficient_permissions", "The playground is not available in this project.")

    # ---------------------------------------------------------------- who, how often, what

    async def _attempt(self, exchange: Exchange, caller: Caller) -> None:
        slot: Slot | None = None
        exchange.principal = caller.principal
        try:
            address = self._callers.address(exchange)
            await self._check(exchange, caller, address)
            slot = await self._limit(exchange, caller)
            request = await self._read(exchange)
            exchange.model = request.model
            ask = await self._ask(exchange, request, caller, address)
        except ApiError:
            await self._confirm(caller, slot)
            raise
        admission = await self._admit(ask, caller, slot)
        await self._answer(exchange, request, ask, admission)

    async def _check(self, exchange: Exchange, caller: Caller, address: str) -> None:
        principal = permission.check_alive(caller.principal)
        try:
            permission.check_allowed(principal, permission.CHAT, address)
        except ApiError:
            seen = await self._limiter.peek(
                principal.organization_id, principal.organization_rpm, principal.key_id, principal.key_rpm
            )
            exchange.extra = rate_limit_headers(seen)
            raise

    async def _limit(self, exchange: Exchange, caller: Caller) -> Slot:
        principal = caller.principal
        slot = await self._limiter.acquire(
            principal.organization_id, principal.organization_rpm, principal.key_id, principal.key_rpm
        )
        exchange.extra = rate_limit_headers(slot)
        if not slot.allowed:
            raise errors.rate_limited(slot.limit, retry_after_seconds(slot))
        return slot

    async def _read(self, exchange: Exchange) -> ChatRequest:
        if exchange.body is None:
            exchange.body = await exchange.read_body(self._options.body_limit, self._options.body_timeout)
        return chat_request.parse(exchange.body)

    async def _ask(self, exchange: Exchange, request: ChatRequest, caller: Caller, address: str) -> Ask:
        size = len(exchange.body or b"")
        principal = caller.principal
        try:
            input_tokens = await tokens.count_prompt_aside(request.messages, request.tools, size)
            input_bound = tokens.upper_bound(request.messages, request.tools)
        except RecursionError as error:
            raise errors.too_deep() from error
        return Ask(
            key_id=principal.key_id,
            secret_hash=caller.secret_hash,
            organization_rpm=principal.organization_rpm,
            key_rpm=principal.key_rpm,
            model=request.model,
            address=address,
            input_tokens=input_tokens,
            input_bound=input_bound,
            max_tokens=request.max_tokens,
            stream=request.stream,
            request_id=exchange.request_id,
            user_id=caller.user_id,
        )

    async def _confirm(self, caller: Caller, slot: Slot | None) -> None:
        """An error is only true if the caller is still who the process remembers; else look again."""
        if not caller.is_hint or caller.secret_hash is None:
            return
        if await self._bridge.authenticate(caller.secret_hash) != caller.principal:
            if slot is not None and slot.allowed:
                await self._limiter.release(slot)
            raise _HintWasWrong

    async def _admit(self, ask: Ask, caller: Caller, slot: Slot) -> Admission:
        answer = await self._bridge.admit(ask)
        if isinstance(answer, Admission):
            return answer
        await self._refuse(answer, caller, slot)
        raise refusals.as_error(answer, ask.model)

    async def _refuse(self, refusal: Refusal, caller: Caller, slot: Slot) -> None:
        """A dead or changed key gives its slot back; what a fresh look can change is looked at again."""
        if refusal.kind in refusals.RETRY:
            await self._limiter.release(slot)
            if caller.is_hint or refusal.kind == "stale":
                raise _HintWasWrong(refusal.principal)

    # ---------------------------------------------------------------- ask, stream, settle

    async def _answer(self, exchange: Exchange, request: ChatRequest, ask: Ask, admission: Admission) -> None:
        if admission.output_lowered:
            exchange.extra.append((b"x-meterhouse-output-cap", str(admission.output_cap).encode()))
        work = _Work(exchange, request, ask, admission, Departure(exchange))
        try:
            if request.stream:
                await self._stream(work)
            else:
                await self._whole(work)
        finally:
            work.departure.close()
            if not work.settled:
                # Cancelled, or a fault of ours: nothing went out, so nothing is charged.
                await self._settle(work, None, usage_meter.PARTIAL, "upstream_error", None, 500)

    async def _whole(self, work: _Work) -> None:
        """A JSON answer: sent only after the commit."""
        answer: Answer | None = None
        try:
            with work.departure:
                answer = await self._upstream.ask(work.request, work.admission)
                body = await answer.body()
            completion = Completion(body, work.admission.model, work.admission.request_id)
            counts, source = self._whole_counts(work, completion)
            # Written before it is charged: what cannot be written is not sold.
            answered = completion.body(counts)
            answer.was_well()
        except ClientGone:
            _stop(answer)
            await self._settle(work, None, usage_meter.PARTIAL, "client_closed", answer, 499)
            return
        except ApiError as error:
            await self._settle(work, None, usage_meter.PARTIAL, "upstream_error", answer, error.status)
            raise
        except (ConnectionError, Malformed) as error:
            _broken(answer, error)
            await self._settle(work, None, usage_meter.PARTIAL, "upstream_error", answer, 503)
            log.warning("a provider's answer was unusable: %s", error)
            raise errors.overloaded() from error
        finally:
            _stop(answer)
        await self._settle(work, counts, source, completion.finish_reason, answer, 200)
        await work.exchange.send_json(answered)

    def _whole_counts(self, work: _Work, completion: Completion) -> tuple[TokenCounts, str]:
        """What the provider reported, else what we count of its answer."""
        if completion.counts is not None:
            return completion.counts, usage_meter.UPSTREAM
        counted = TokenCounts(work.ask.input_tokens, 0, completion.meter.count(tokens.count_text))
        return counted, usage_meter.COUNTED

    async def _stream(self, work: _Work) -> None:
        """An event stream: chunks go out at once, the end only after the commit."""
        out = EventStream(work.exchange, self._options.keep_alive)
        writer = ChunkWriter(work.admission.model, work.admission.request_id)
        answer: Answer | None = None
        try:
            with work.departure:
                answer = await self._upstream.ask(work.request, work.admission)
                await self._forward(work, answer, writer, out)
            answer.was_well()
            counts, source = self._counts(work, writer)
            reason = writer.finish_reason or "stop"
            receipt = await self._settle(work, counts, source, reason, answer, 200)
            ending = writer.ending(receipt.counts or counts, include_usage=work.request.include_usage)
            await out.write(_billed(work, receipt) + ending, last=True)
            await answer.done()
        except ClientGone:
            _stop(answer)
            await self._settle_partial(work, writer, answer, "client_closed", 499)
        except ApiError as error:
            await self._settle_partial(work, writer, answer, "upstream_error", error.status)
            await out.fail(error)
        except (ConnectionError, Malformed) as error:
            _broken(answer, error)
            log.warning("a provider's stream broke off: %s", error)
            await self._settle_partial(work, writer, answer, "upstream_error", 503)
            await out.fail(errors.overloaded("The model stopped in the middle of its answer. Try again."))
        except asyncio.CancelledError:
            _stop(answer)
            await self._settle_partial(work, writer, answer, "interrupted", 503)
            await out.fail(errors.overloaded(_STOPPING))
            raise
        except BridgeUnavailable:
            _stop(answer)
            await out.fail(errors.overloaded("The service cannot reach its database. Try again."))
        except Exception:
            log.exception("request %s failed", work.admission.request_id)
            _stop(answer)
            await self._settle_partial(work, writer, answer, "upstream_error", 500)
            await out.fail(errors.internal("Something went wrong on our side. Try again."))
        finally:
            _stop(answer)
            out.close()

    async def _forward(self, work: _Work, answer: Answer, writer: ChunkWriter, out: EventStream) -> None:
        """Every chunk as it comes; returns at [DONE] or at the end of an answer that had an end."""
        if not answer.is_stream:
            raise Malformed("a stream was asked for, something else came")
        reader = EventReader()
        running = tokens.RunningCount()
        beat_at, beat_pieces = time.monotonic(), 0
        while part := await answer.part():
            done = await self._send_events(work, reader.feed(part), writer, out)
            if done:
                return
            pieces = writer.meter.pieces
            now = time.monotonic()
            if now - beat_at >= _PROGRESS_SECONDS or pieces - beat_pieces >= _PROGRESS_PIECES:
                beat_at, beat_pieces = now, pieces
                produced = running.add(writer.meter.news())
                counts = writer.usage or TokenCounts(work.ask.input_tokens, 0, produced)
                if not await self._bridge.progress(work.admission, counts):
                    raise ConnectionError("the hold can no longer be renewed")
        if await self._send_events(work, reader.finish(), writer, out):
            return
        if writer.finish_reason is None:
            raise Malformed("the stream ended without an end")

    async def _send_events(self, work: _Work, events: list[bytes], writer: ChunkWriter, out: EventStream) -> bool:
        """Whether [DONE] was among the events. What came before a broken event still goes out: it is charged for."""
        written, done, broken = writer.take_all(events)
        if written:
            if work.first_token_at is None:
                work.first_token_at = time.time()
            await out.write(written)
        if broken:
            raise broken
        return done

    def _counts(self, work: _Work, writer: ChunkWriter) -> tuple[TokenCounts, str]:
        """What the provider reported, else what we count of what came."""
        if writer.usage is not None:
            return writer.usage, usage_meter.UPSTREAM
        counted = TokenCounts(work.ask.input_tokens, 0, writer.meter.count(tokens.count_text))
        return counted, usage_meter.COUNTED

    async def _settle_partial(
        self, work: _Work, writer: ChunkWriter, answer: Answer | None, reason: str, status: int
    ) -> None:
        """Charge what was produced; nothing when the provider had not begun."""
        if work.settled:
            return
        if answer is None or (writer.meter.is_empty and writer.usage is None and reason != "client_closed"):
            await self._settle(work, None, usage_meter.PARTIAL, reason, answer, status)
            return
        counts, source = self._counts(work, writer)
        if source == usage_meter.UPSTREAM and writer.finish_reason is None:
            # Reported in mid-stream: what came after the report was produced as well.
            counts = replace(counts, output=max(counts.output, writer.meter.count(tokens.count_text)))
        source = source if source == usage_meter.UPSTREAM else usage_meter.PARTIAL
        await self._settle(work, counts, source, reason, answer, status)

    async def _settle(
        self, work: _Work, counts: TokenCounts | None, source: str, reason: str, answer: Answer | None, status: int
    ) -> Receipt:
        outcome = Outcome(
            admission=work.admission,
            counts=counts,
            usage_source=source,
            finish_reason=reason,
            provider_id=answer.target.provider_id if answer else None,
            first_token_at=work.first_token_at,
            finished_at=time.time(),
            status=status,
            error_code="" if status == 200 else reason,
        )
        work.settled = True
        # It is on its way to the writer before anything is awaited: this task's end does not take it back.
        return await self._bridge.settle(outcome)


def _stop(answer: Answer | None) -> None:
    """End the provider's work, unless its connection was given back."""
    if answer is not None:
        answer.stop()


def _broken(answer: Answer | None, error: Exception) -> None:
    """End the provider's work; that it broke off is noted already, and a hold that was lost is not its fault."""
    if answer is not None and isinstance(error, Malformed):
        answer.was_unusable()
    _stop(answer)


def _billed(work: _Work, receipt: Receipt) -> bytes:
    """For the playground only: what the ledger has, as a last event of its own."""
    if not work.exchange.wants_receipt or receipt.counts is None:
        return b""
    figures: dict[str, Any] = {
        "charge_nano": str(receipt.charge),
        "charge_usd": usd_string(receipt.charge),
        "input": receipt.counts.input,
        "cached": receipt.counts.cached_input,
        "output": receipt.counts.output,
        "reasoning": receipt.counts.reasoning,
        "request_id": work.admission.request_id,
    }
    return b"data: " + orjson.dumps({"meterhouse": figures}) + b"\n\n"
