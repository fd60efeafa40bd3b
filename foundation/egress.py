"""Requests to an address that a customer gave: never into our own network, never longer or larger than allowed.

The host is looked up once, every address found is checked, and the connection goes to a checked address: a second
lookup could answer otherwise (DNS rebinding). Redirects are not followed, proxies of the environment not asked.
"""

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2_000
# At most this much of an answer's body is read.
MOST_BODY = 4_096
_PORTS = {"http": 80, "https": 443}
# All that is assigned to public hosts; IPv4-compatible, site-local and the local NAT64 prefix lie outside.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Not one public host, although `is_global` may say so: relays of 6to4; protocols' and Azure's own, where clouds tell a
# machine its secrets; Teredo and its neighbours, 6to4, documentation.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(ValueError):
    """The address is one that this house does not call."""


class Unreachable(OSError):
    """No complete answer: name, connection, TLS, time or protocol."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the beginning of the body, and the headers by name in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def is_public(address: Address) -> bool:
    """Whether the address is a single host of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _UNICAST:
            return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _NEVER if network.version == address.version)


def check_url(url: str, *, allow_private: bool) -> str:
    """The URL in normal form; raises Forbidden with a sentence for people. No name is looked up."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise Forbidden(f"Write a URL of at most {LONGEST_URL:,} characters without spaces.")
    try:
        parts = urlsplit(url)
        host = _ascii(parts.hostname or "")
        port = parts.port
        parts.path.encode("ascii"), parts.query.encode("ascii")
    except UnicodeError as error:
        raise Forbidden("Write the host as a name that exists, and the rest of the URL percent-encoded.") from error
    except ValueError as error:
        raise Forbidden("This is not a URL such as https://example.com/hooks.") from error
    if parts.scheme not in _PORTS or not host or port == 0:
        raise Forbidden("Write a URL that begins with https:// or http:// and names a host.")
    if "@" in parts.netloc:
        raise Forbidden("A URL must not carry a user name or password: messages are signed instead.")
    if not allow_private:
        _check_literal(host)
    return SplitResult(parts.scheme, _netloc(host, port), parts.path or "/", parts.query, "").geturl()


def _ascii(host: str) -> str:
    """The host in ASCII, raises ValueError when it is none. What looks like digits becomes digits."""
    if ":" in host:
        # An address with a scope names an interface of this machine.
        return str(ipaddress.IPv6Address(host if "%" not in host else ""))
    return host.encode("idna").decode("ascii").lower()


def _netloc(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _check_literal(host: str) -> None:
    """Refuse what needs no lookup: an address in any of its spellings, and the names of this machine."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        raise Forbidden("This host is inside a private network.")
    try:
        # Understands 127.1, 2130706433 and 0x7f000001, as a lookup would.
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    _check(found)


def _check(found: list[Any]) -> list[Any]:
    for entry in found:
        if not is_public(ipaddress.ip_address(entry[4][0].partition("%")[0])):
            raise Forbidden("The host is inside a private or reserved network.")
    return found


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool) -> Answer:
    """One POST that ends within `seconds`, lookup included; raises Forbidden or Unreachable."""
    return send("POST", url, body, headers, seconds=seconds, allow_private=allow_private)


def send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool
) -> Answer:
    """One request that ends within `seconds`, lookup included; raises Forbidden or Unreachable."""
    deadline = time.monotonic() + seconds
    parts = urlsplit(check_url(url, allow_private=allow_private))
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    found = _looked_up(host, port, deadline)
    if not allow_private:
        _check(found)
    try:
        with _connected(found, deadline) as plain, _secured(plain, parts.scheme, host, deadline) as connected:
            return _exchange(connected, method, parts, body, headers, deadline)
    except TimeoutError as error:
        raise Unreachable(f"No answer within {seconds:g} seconds.") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"The certificate is not valid: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:200]) from error


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _looked_up(host: str, port: int, deadline: float) -> list[Any]:
    """What the resolver says; it knows no deadline, so it works in a thread that may be left behind."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(OSError("not a host name"))

    threading.Thread(target=look_up, name="lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except (queue.Empty, TimeoutError):
        raise Unreachable("The host's name could not be looked up in time.") from None
    if isinstance(answer, OSError):
        raise Unreachable(f"The host's name was not found: {answer.strerror or answer}") from answer
    return answer


def _connected(found: list[Any], deadline: float) -> socket.socket:
    """A connection to the first address that takes one; each gets its share of the time."""
    failed: OSError = OSError("The host has no address.")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        candidate = socket.socket(family, kind, protocol)
        try:
            candidate.settimeout(_left(deadline) / (len(found) - number))
            candidate.connect(address)
        except OSError as error:
            candidate.close()
            failed = error
        else:
            return candidate
    raise failed


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _secured(plain: socket.socket, scheme: str, host: str, deadline: float) -> socket.socket:
    plain.settimeout(_left(deadline))
    return _tls().wrap_socket(plain, server_hostname=host) if scheme == "https" else plain


class _Reads(io.RawIOBase):
    """Reads of a socket that together end at the deadline, however slowly the bytes drip."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(_left(self._deadline))
        return self._connected.recv_into(buffer)


class _Stream:
    """The part of a socket that http.client uses."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_left(self._deadline))
        self._connected.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reads(self._connected, self._deadline))

    def close(self) -> None:
        """Who connected closes."""


def _exchange(
    connected: socket.socket, method: str, parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline: float
) -> Answer:
    connection = http.client.HTTPConnection(parts.hostname or "")
    connection.sock = cast(socket.socket, _Stream(connected, deadline))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request(method, target, body, {**headers, "Host": parts.netloc, "Connection": "close"})
    with connection.getresponse() as response:
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, _beginning(response), said)


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """The status is the answer: a body that breaks off or drips is only not read further."""
    try:
        return response.read(MOST_BODY)
    except (OSError, http.client.HTTPException):
        return b""
