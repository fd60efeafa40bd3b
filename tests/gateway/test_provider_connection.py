"""Our HTTP/1.1 with a provider: answers in every framing, connections kept or not, and what breaks off."""

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import zlib
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import provider_pool
from gateway.provider_connection import ProviderConnection
from gateway.provider_pool import ProviderPool, place_of
from tests.gateway.raw_provider import RawProvider, Script, read_request, says
from tests.waiting import LONG, eventually

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request):
    return request.param()


def singly(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 1] for at in range(len(data)))


async def body_of(connection: ProviderConnection, seconds: float = LONG) -> bytes:
    parts = []
    while part := await connection.part(seconds):
        parts.append(part)
    return b"".join(parts)


async def ask(pool: ProviderPool, provider: RawProvider, body: bytes = b"{}", seconds: float = LONG) -> bytes:
    place = place_of(provider.url, "")
    connection = await pool.post(place, body, seconds)
    found = await body_of(connection)
    pool.give_back(place, connection)
    return found


@pytest.mark.parametrize(
    "parts",
    [
        (LENGTH,),
        singly(LENGTH),
        (CHUNKED,),
        singly(CHUNKED),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", LENGTH),
    ],
    ids=["length", "length, byte by byte", "chunked", "chunked, byte by byte", "informational first"],
)
async def test_a_connection_serves_one_request_after_the_other(parts):
    async with RawProvider(says(*parts)) as provider:
        pool = ProviderPool(LONG)
        assert [await ask(pool, provider) for _ in range(3)] == [b"hello"] * 3
        assert provider.connections == 1
        pool.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        LENGTH + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond",
    ],
    ids=["close", "1.0", "ends with the connection", "more than was asked for"],
)
async def test_a_connection_that_cannot_be_kept_is_not(answer):
    async with RawProvider(says(answer, closes=b"Content-Length" not in answer)) as provider:
        pool = ProviderPool(LONG)
        assert [await ask(pool, provider) for _ in range(2)] == [b"hello"] * 2
        assert provider.connections == 2
        pool.close()


async def test_two_requests_at_once_have_two_connections():
    async with RawProvider(says(*singly(LENGTH))) as provider:
        pool = ProviderPool(LONG)
        assert await asyncio.gather(ask(pool, provider), ask(pool, provider)) == [b"hello"] * 2
        assert provider.connections == 2
        pool.close()


async def test_a_kept_connection_that_the_provider_closed_is_not_used():
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(LENGTH)
        await writer.drain()

    async with RawProvider(once) as provider:
        pool = ProviderPool(LONG)
        for _ in range(3):
            assert await ask(pool, provider) == b"hello"
            [kept] = pool._idle[place_of(provider.url, "").origin]
            assert await eventually(lambda kept=kept: not kept.is_reusable)
        assert provider.connections == 3
        pool.close()


async def test_idle_connections_are_closed(monkeypatch):
    monkeypatch.setattr(provider_pool, "_IDLE_SECONDS", 0.05)
    left = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(LENGTH)(reader, writer)
        left.set()

    async with RawProvider(script) as provider:
        pool = ProviderPool(LONG)
        await ask(pool, provider)
        await asyncio.wait_for(left.wait(), LONG)
        pool.close()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
        (b"<html>", "speak"),
        (b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "speak"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "speak"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "speak"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"y" * 1000) * 70, "speak"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "no end"),
    ],
    ids=["nothing", "half a head", "HTML", "upgrade", "two framings", "coding", "many headers", "endless header"],
)
async def test_an_unusable_head_is_an_error(answer, word):
    async with RawProvider(says(answer, closes=len(answer) < 30)) as provider:
        pool = ProviderPool(LONG)
        with pytest.raises(ConnectionError, match=word):
            await pool.post(place_of(provider.url, ""), b"{}", LONG)
        pool.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    ],
    ids=["short", "no last chunk", "a broken chunk"],
)
async def test_what_came_of_a_broken_body_is_given_before_the_error(answer):
    async with RawProvider(says(answer, closes=True)) as provider:
        pool = ProviderPool(LONG)
        connection = await pool.post(place_of(provider.url, ""), b"{}", LONG)
        assert await connection.part(LONG) == b"hello"
        with pytest.raises(ConnectionError):
            await body_of(connection)
        pool.close()


async def test_silence_is_a_timeout_before_and_after_the_head():
    async with RawProvider(says()) as provider:
        pool = ProviderPool(LONG)
        with pytest.raises(TimeoutError):
            await pool.post(place_of(provider.url, ""), b"{}", 0.05)
    async with RawProvider(says(LENGTH[:-2])) as provider:
        connection = await pool.post(place_of(provider.url, ""), b"{}", LONG)
        assert await connection.part(LONG) == b"hel"
        # Shorter than the wait that the timer was set for.
        with pytest.raises(TimeoutError):
            await connection.part(0.05)
    pool.close()


async def test_a_wait_longer_than_the_last_one_is_not_cut_short():
    read = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(LENGTH[:-4])
        await read.wait()
        writer.write(b"e")
        # Longer than the waits before, and begun while the timer of the last one still runs.
        await asyncio.sleep(1.2)
        writer.write(b"llo")

    async with RawProvider(script) as provider:
        pool = ProviderPool(LONG)
        connection = await pool.post(place_of(provider.url, ""), b"{}", 1.0)
        assert await connection.part(1.0) == b"h"
        read.set()
        assert await connection.part(1.0) == b"e"
        assert await connection.part(LONG) == b"llo"
        pool.close()


async def test_whoever_stops_waiting_ends_the_connection():
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        left.set()

    async with RawProvider(script) as provider:
        pool = ProviderPool(LONG)
        waiting = asyncio.create_task(pool.post(place_of(provider.url, ""), b"{}", LONG))
        await asyncio.wait_for(asked.wait(), LONG)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(left.wait(), LONG / 2)
        pool.close()


async def test_a_slow_reader_slows_the_provider():
    size = 64 * 1024 * 1024
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(64):
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1 << 20
        await read_request(reader)
        writer.write(LENGTH)

    async with RawProvider(script) as provider:
        pool = ProviderPool(LONG)
        place = place_of(provider.url, "")
        connection = await pool.post(place, b"{}", LONG)
        await asyncio.sleep(0.3)
        assert sent < size / 2
        assert len(await body_of(connection)) == size
        pool.give_back(place, connection)
        assert await ask(pool, provider) == b"hello"
        assert provider.connections == 1
        pool.close()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_in_a_coding_that_was_not_asked_for_is_understood(coding):
    packed = gzip.compress(b"hello" * 1000) if coding == "gzip" else zlib.compress(b"hello" * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with RawProvider(says(head, packed[:7], packed[7:])) as provider:
        pool = ProviderPool(LONG)
        assert await ask(pool, provider) == b"hello" * 1000
        pool.close()


@pytest.mark.parametrize("packed", [gzip.compress(bytes(64 << 20)), b"no gzip"], ids=["bomb", "nonsense"])
async def test_a_body_that_cannot_be_unpacked_is_an_error(packed):
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with RawProvider(says(head, packed)) as provider:
        pool = ProviderPool(LONG)
        connection = await pool.post(place_of(provider.url, ""), b"{}", LONG)
        with pytest.raises(ConnectionError):
            await body_of(connection)
        pool.close()


async def test_a_large_request_arrives_whole():
    asked: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(LENGTH)

    body = bytes(4 << 20)
    async with RawProvider(script) as provider:
        pool = ProviderPool(LONG)
        assert await ask(pool, provider, body) == b"hello"
        assert asked[0].endswith(b"\r\n\r\n" + body)
        pool.close()


async def test_nobody_there_is_an_error():
    pool = ProviderPool(10.0)
    with pytest.raises(OSError):
        await pool.post(place_of("http://127.0.0.1:9/v1", ""), b"{}", 10.0)
    with pytest.raises(OSError):
        await pool.post(place_of("http://nowhere.invalid/v1", ""), b"{}", 10.0)
    pool.close()


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def _over_tls(certificate: Path, script: Script, tls: ssl.SSLContext | None = None) -> list[bytes]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    async with RawProvider(script, server) as provider:
        pool = ProviderPool(LONG, *([lambda: tls] if tls else []))
        try:
            return [await ask(pool, provider) for _ in range(provider.connections + 2)]
        finally:
            pool.close()


async def test_tls_works_and_is_kept(certificate):
    trusting = ssl.create_default_context(cafile=str(certificate))
    assert await _over_tls(certificate, says(CHUNKED), trusting) == [b"hello"] * 2


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    with pytest.raises(ssl.SSLCertVerificationError):
        await _over_tls(certificate, says(LENGTH))


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("url", "origin", "lines"),
    [
        ("http://host/v1/x", ("host", 80, False), ["POST /v1/x HTTP/1.1", "Host: host"]),
        ("https://host:443/x", ("host", 443, True), ["Host: host"]),
        ("https://host:8443/x?v=1&a=b", ("host", 8443, True), ["POST /x?v=1&a=b HTTP/1.1", "Host: host:8443"]),
        ("http://[::1]:81/x", ("::1", 81, False), ["Host: [::1]:81"]),
        ("http://bücher.example/ü x", ("xn--bcher-kva.example", 80, False), ["POST /%C3%BC%20x HTTP/1.1"]),
        ("http://me:p%40ss@host/x", ("host", 80, False), ["Authorization: Basic bWU6cEBzcw=="]),
    ],
)
def test_a_place_says_where_and_how(url, origin, lines):
    place = place_of(url, "")
    assert place.origin == origin
    assert set(lines) <= set(place.head.decode().split("\r\n"))


def test_a_secret_is_a_bearer_token():
    assert b"\r\nAuthorization: Bearer sk-1\r\n" in place_of("http://host/", "sk-1").head


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("ftp://host/", ""),
        ("nonsense", ""),
        ("http://", ""),
        ("http://host:99999/", ""),
        ("http://host/", "a\r\nX: y"),
        ("http://ho\x00st/", ""),
        ("http://me:pass@host/", "sk-1"),
    ],
)
def test_what_is_no_place_is_refused(url, secret):
    with pytest.raises(ValueError):
        place_of(url, secret)
