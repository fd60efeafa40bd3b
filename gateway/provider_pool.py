"""Connections to providers, opened when needed and kept between requests."""

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType

from gateway.provider_connection import ProviderConnection

_IDLE_SECONDS = 30.0
# How long an address may keep us waiting before the next one is tried beside it (RFC 8305).
_NEXT_ADDRESS = 0.25
_PORTS = {"http": 80, "https": 443}
_PATH = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests to one address with one secret go; `head` is theirs up to the value of Content-Length."""

    origin: tuple[str, int, bool]
    head: bytes


@lru_cache(maxsize=256)
def place_of(url: str, secret: str) -> Place:
    """The place of an http(s) address; raises ValueError for what is none."""
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in _PORTS or not host:
        raise ValueError("not an address of a provider")
    name = host if host.isascii() else host.encode("idna").decode("ascii")
    usual = _PORTS[parts.scheme]
    port = parts.port or usual
    shown = f"[{name}]" if ":" in name else name
    lines = [
        f"POST {_target(parts)} HTTP/1.1",
        f"Host: {shown}" if port == usual else f"Host: {shown}:{port}",
        "User-Agent: Meterhouse",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        *_credentials(parts, secret),
    ]
    if any(character < " " or character == "\x7f" for line in lines for character in line):
        raise ValueError("a control character in an address or secret")
    return Place((name, port, parts.scheme == "https"), "\r\n".join([*lines, "Content-Length: "]).encode())


def _target(parts: SplitResult) -> str:
    path = quote(parts.path, safe=_PATH) or "/"
    return f"{path}?{quote(parts.query, safe=_PATH + '?')}" if parts.query else path


def _credentials(parts: SplitResult, secret: str) -> list[str]:
    if parts.username is None:
        return [f"Authorization: Bearer {secret}"] if secret else []
    if secret:
        raise ValueError("credentials in the address and a secret beside it")
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"]


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class ProviderPool:
    """Any number of connections; those without a request are closed after half a minute. Needs a running loop."""

    def __init__(self, connect_timeout: float, tls: Callable[[], ssl.SSLContext] = _tls) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect_timeout = connect_timeout
        self._tls = tls()
        self._idle: dict[tuple[str, int, bool], list[ProviderConnection]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def post(self, place: Place, body: bytes, seconds: float) -> ProviderConnection:
        """A connection on which an answer has begun, within `seconds`; raises OSError or ValueError.

        Nothing is sent twice: a provider that closes a kept connection at that moment may have begun to work.
        """
        connection = self._kept(place.origin) or await self._open(place.origin)
        try:
            await connection.ask(b"%b%d\r\n\r\n%b" % (place.head, len(body), body), seconds)
        except BaseException:
            connection.abort()
            raise
        return connection

    def give_back(self, place: Place, connection: ProviderConnection) -> None:
        """Keep it for the next request, or close it when it cannot serve one."""
        if not connection.is_reusable or self._is_closed:
            connection.abort()
            return
        connection.rested_at = self._loop.time()
        self._idle.setdefault(place.origin, []).append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Close what is idle, and what comes back later."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    def _kept(self, origin: tuple[str, int, bool]) -> ProviderConnection | None:
        """The one used last: the others get old."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_reusable and self._loop.time() - connection.rested_at < _IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def _sweep(self) -> None:
        edge = self._loop.time() - _IDLE_SECONDS
        for origin, idle in list(self._idle.items()):
            kept = [one for one in idle if one.rested_at > edge and one.is_reusable]
            for connection in idle:
                if connection not in kept:
                    connection.abort()
            self._idle[origin] = kept
            if not kept:
                del self._idle[origin]
        self._sweeper = self._loop.call_later(_IDLE_SECONDS / 2, self._sweep) if self._idle else None

    async def _open(self, origin: tuple[str, int, bool]) -> ProviderConnection:
        host, port, is_secure = origin
        async with asyncio.timeout(self._connect_timeout):
            infos: list[AddrInfoType] = [*await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
            sock = await aiohappyeyeballs.start_connection(
                infos, happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1, loop=self._loop
            )
            try:
                _, connection = await self._loop.create_connection(
                    lambda: ProviderConnection(self._loop),
                    sock=sock,
                    ssl=self._tls if is_secure else None,
                    server_hostname=host.rstrip(".") if is_secure else None,
                )
            except BaseException:
                sock.close()
                raise
        return connection
