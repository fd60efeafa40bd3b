"""One auto-pipelined connection to Redis: the calls of one turn of the event loop leave in one write."""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url

Argument = str | bytes | int
_DEFAULT_PORT = 6379
_SECOND_LOOK = 0.02


class RedisUnavailable(Exception):
    """Redis cannot be reached, did not answer in time, or refused a command it should accept."""


class RedisConnection(asyncio.Protocol):
    """Calls in, answers out, in order; a call that is not answered in `timeout` seconds ends the connection."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._unanswered: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._overdue = 0.0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def call(self, *arguments: Argument) -> "asyncio.Future[Any]":
        """One command; the future gives its answer, a hiredis.ReplyError, or raises RedisUnavailable."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self.is_open:
            future.set_exception(RedisUnavailable("The connection to Redis is closed."))
            return future
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(hiredis.pack_command(cast(Any, arguments)))
        self._unanswered.append((self._loop.time(), future))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._check)
        return future

    def close(self) -> None:
        """Close now; unanswered calls fail."""
        if self._transport is not None:
            self._transport.abort()

    # ---------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not say that they are one.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            _, future = self._unanswered.popleft()
            if not future.done():
                future.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        while self._unanswered:
            _, future = self._unanswered.popleft()
            if not future.done():
                future.set_exception(RedisUnavailable(str(error or "The connection to Redis was lost.")))

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _check(self) -> None:
        self._watch = None
        if not self._unanswered:
            return
        since = self._unanswered[0][0]
        age = self._loop.time() - since
        if age < self._timeout:
            self._watch = self._loop.call_later(self._timeout - age, self._check)
        elif since == self._overdue:
            self.close()
        else:
            # The loop itself may have been busy: the answer may lie in the socket, so look once more.
            self._overdue = since
            self._watch = self._loop.call_later(_SECOND_LOOK, self._check)


async def connect(url: str, seconds: float) -> RedisConnection:
    """Open a connection by a `redis://`, `rediss://` or `unix://` address; raises RedisUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            return await _connect(url, seconds)
    except (OSError, TimeoutError) as error:
        raise RedisUnavailable(f"Redis cannot be reached: {error or 'no answer in time'}.") from error


async def _connect(url: str, seconds: float) -> RedisConnection:
    options: dict[str, Any] = dict(parse_url(url))
    loop = asyncio.get_running_loop()
    if "path" in options:
        _, connection = await loop.create_unix_connection(lambda: RedisConnection(seconds), options["path"])
    else:
        host, port = options.get("host", "localhost"), options.get("port", _DEFAULT_PORT)
        secure = _tls(options, host)
        _, connection = await loop.create_connection(lambda: RedisConnection(seconds), host, port, ssl=secure)
    try:
        await _greet(connection, options)
    except BaseException:
        connection.close()
        raise
    return connection


def _tls(options: dict[str, Any], host: str) -> Any:
    if options.pop("connection_class", None) is not SSLConnection:
        return None
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return SSLConnection(host=host, **tls).ssl_context.get()


async def _greet(connection: RedisConnection, options: dict[str, Any]) -> None:
    waiting = []
    if options.get("password"):
        name = [options["username"]] if options.get("username") else []
        waiting.append(connection.call("AUTH", *name, options["password"]))
    if options.get("db"):
        waiting.append(connection.call("SELECT", int(options["db"])))
    waiting.append(connection.call("PING"))
    for answer in await asyncio.gather(*waiting):
        if isinstance(answer, hiredis.ReplyError):
            raise RedisUnavailable(f"Redis refused the connection: {answer}")
