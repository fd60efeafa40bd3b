"""Ask a provider: shared connections, the provider's failures mapped to what a customer may know."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import orjson

from billing.terms import Admission, UpstreamTarget
from gateway import errors
from gateway.chat_request import ChatRequest
from gateway.errors import ApiError
from gateway.options import GatewayOptions
from gateway.provider_connection import ProviderConnection
from gateway.provider_pool import Place, ProviderPool, place_of

log = logging.getLogger(__name__)

# The most that is read of a provider's error message.
_MOST_ERROR = 64 * 1024
_ERROR_SECONDS = 10.0
# How long the end of a body may come after [DONE].
_LAST_BYTES = 0.1
# Refusals of a provider that works: they are the client's.
_WELL = frozenset({400, 422})


class Upstream:
    """Calls providers over keep-alive connections; open it in the lifespan."""

    def __init__(self, options: GatewayOptions, note: Callable[[int, str], None]) -> None:
        self._options = options
        # Told of every try: the provider, and what went wrong or nothing.
        self._note = note
        self._pool: ProviderPool | None = None

    async def open(self) -> None:
        """Make the pool of connections; needs a running loop."""
        self._pool = ProviderPool(self._options.connect_timeout)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool:
            self._pool.close()

    async def ask(self, request: ChatRequest, admission: Admission) -> "Answer":
        """The first provider's answer that has begun with 200; the next is tried on failures that are not the client's.

        Raises ApiError: 400 for what the provider refused in the request, 500 for the operator's faults, 503 for the
        rest. All attempts stand under the one hold.
        """
        failure: ApiError | None = None
        for target in admission.targets:
            try:
                return await self._try(request, admission, target)
            except ApiError as error:
                if error.status == 400:
                    raise
                failure = error
        raise failure or errors.overloaded()

    async def _try(self, request: ChatRequest, admission: Admission, target: UpstreamTarget) -> "Answer":
        if self._pool is None:
            raise errors.overloaded("The gateway is stopping. Try again.")
        body = upstream_body(request, admission, target)
        try:
            place = place_of(f"{target.base_url}/chat/completions", target.secret)
            connection = await self._pool.post(place, body, self._options.first_byte_timeout)
        except (OSError, ValueError) as error:
            log.warning("provider %s cannot be reached: %s", target.provider_name, type(error).__name__)
            self._note(target.provider_id, "unreachable")
            raise errors.overloaded() from error
        if connection.status == 200:
            # Whether it is well shows at the end of its answer.
            return Answer(connection, self._pool, place, target, self._options, self._note)
        if connection.status != 429:
            # Neither well nor ill is who is asked too often.
            self._note(target.provider_id, "" if connection.status in _WELL else str(connection.status))
        try:
            raise await self._refusal(connection, target)
        finally:
            connection.abort()

    async def _refusal(self, connection: ProviderConnection, target: UpstreamTarget) -> ApiError:
        status = connection.status
        if status in (400, 422):
            return errors.upstream_refused(_message(await _read_some(connection), target))
        log.warning("provider %s answered %d", target.provider_name, status)
        if status in (401, 403, 404) or 300 <= status < 400:
            return errors.internal("The model is not set up correctly on our side. You were not charged.")
        if status == 429 or status >= 500:
            return errors.overloaded(retry_after=_seconds(connection.headers.get(b"retry-after", b"")))
        return errors.internal()


def _seconds(value: bytes) -> str:
    return value.decode("ascii") if value.isdigit() and 0 < int(value) <= 3600 else ""


async def _read_some(connection: ProviderConnection) -> bytes:
    parts, size = [], 0
    try:
        async with asyncio.timeout(_ERROR_SECONDS):
            while size < _MOST_ERROR and (part := await connection.part(_ERROR_SECONDS)):
                parts.append(part)
                size += len(part)
    except OSError:
        return b""
    return b"".join(parts)


def _message(body: bytes, target: UpstreamTarget) -> str:
    """The provider's own words on what is wrong with the request, unless they name it, its model or its key."""
    fallback = "The model did not accept this request. Check the parameters and messages."
    try:
        error: Any = orjson.loads(body)
        found = error.get("error", error.get("message", error.get("detail")))
        text = found.get("message") if isinstance(found, dict) else found
    except (orjson.JSONDecodeError, AttributeError):
        return fallback
    if not isinstance(text, str) or not text.strip() or len(text) > 1000:
        return fallback
    host = target.base_url.split("//", 1)[-1].split("/", 1)[0].split(":", 1)[0]
    told = text.lower()
    names = [host, target.provider_name, target.secret, "http://", "https://", "sk-"]
    if any(name and name.lower() in told for name in names):
        return fallback
    return text.strip()


_OURS = frozenset({"max_completion_tokens", "stream_options", "n", "stream", "model", "max_tokens"})


def upstream_body(request: ChatRequest, admission: Admission, target: UpstreamTarget) -> bytes:
    """The request as the provider gets it: its name of the model, the capped output, usage always asked for."""
    members = {name: value for name, value in request.members.items() if name not in _OURS}
    members["model"] = target.model
    members["max_tokens"] = admission.output_cap
    if request.stream:
        members["stream"] = True
        members["stream_options"] = {"include_usage": True}
    try:
        return orjson.dumps(members)
    except TypeError:
        # What nests deeper than 254 levels can be read but not written by orjson.
        return _written_slowly(members)


def _written_slowly(members: dict[str, Any]) -> bytes:
    try:
        return json.dumps(members, ensure_ascii=False).encode()
    except RecursionError as error:
        raise errors.too_deep() from error


class Answer:
    """A provider's answer that has begun with status 200."""

    __slots__ = ("_connection", "_note", "_options", "_place", "_pool", "_silence", "is_stream", "target")

    def __init__(
        self,
        connection: ProviderConnection,
        pool: ProviderPool,
        place: Place,
        target: UpstreamTarget,
        options: GatewayOptions,
        note: Callable[[int, str], None],
    ) -> None:
        # None: given back, and perhaps another request's by now.
        self._connection: ProviderConnection | None = connection
        self._pool = pool
        self._place = place
        self._options = options
        self._note = note
        # A provider may send its head at once and think afterwards.
        self._silence = options.first_byte_timeout
        kind = connection.headers.get(b"content-type", b"")
        self.is_stream = kind.partition(b";")[0].strip().lower() == b"text/event-stream"
        self.target = target

    async def part(self) -> bytes:
        """The next bytes, empty at the end; raises ConnectionError when the provider dies or falls silent."""
        if self._connection is None:
            return b""
        try:
            part = await self._connection.part(self._silence)
        except OSError as error:
            self._note(self.target.provider_id, "broke off")
            raise ConnectionError("the provider's answer broke off") from error
        self._silence = self._options.idle_timeout
        return part

    async def body(self) -> bytes:
        """The whole body, after which the connection is free; raises ConnectionError."""
        parts = []
        while part := await self.part():
            parts.append(part)
        self._give_back()
        return b"".join(parts)

    def was_well(self) -> None:
        """It came whole and could be used."""
        self._note(self.target.provider_id, "")

    def was_unusable(self) -> None:
        """It came, and was no answer."""
        self._note(self.target.provider_id, "unusable")

    def stop(self) -> None:
        """Close the connection at once, so that the provider stops producing; nothing once it was given back."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    async def done(self) -> None:
        """Give the connection back for the next request; the client has its answer, so this may take a moment.

        A connection whose body was not read to its end cannot be used again.
        """
        connection = self._connection
        if connection is None:
            return
        try:
            if not connection.is_whole:
                async with asyncio.timeout(_LAST_BYTES):
                    while await connection.part(_LAST_BYTES):
                        pass
        except OSError:
            self.stop()
        else:
            self._give_back()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(self._place, connection)
