"""A webhook goes to the public internet and nowhere else, and no receiver holds us up."""

import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError

from billing import delivering, webhooks
from billing.models import Delivery
from foundation import egress
from tests.billing.news import say, tell
from tests.billing.receiver import dripping, endless, listening, silent, status
from tests.people import house

# IANA's special-purpose registries, and every way to hide an address in another.
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "100.64.0.1", "169.254.169.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16",
    "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "4000::1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_of_inner_networks_are_not_public(text):
    assert not egress.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_internet_are_public(text):
    assert egress.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "//example.com/x",
        "example.com", "", "http://", "https:///x", "http://:80/", "https://user:pass@example.com/", "http://a@b@c/",
        "http://example.com:0/", "http://example.com:99999/", "http://example.com:x/", "http://[::1", "http://[x]/",
        "http://exa mple.com/", "http://example.com/\r\nX: y", "http://example.com/\x00", "http://example.com\\@x/",
        "http://example.com/ü", f"http://example.com/{'x' * 2000}", f"http://{'a' * 64}.com/", "http://a..b/",
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://0/", "http://[::1]/", "http://[::ffff:127.0.0.1]:8080/", "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1:6379/", "http://localhost/", "http://LOCALHOST./",
        "http://x.localhost/", "http://printer.local/", "http://metadata.google.internal/", "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
    ],
)  # fmt: skip
def test_hostile_urls_are_refused_when_they_are_written(url):
    with pytest.raises(egress.Forbidden):
        egress.check_url(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:8443/a?b=c#d", "https://example.com:8443/a?b=c"),
        ("http://bücher.example/x", "http://xn--bcher-kva.example/x"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://1.1.1.1:22/", "https://1.1.1.1:22/"),
    ],
)
def test_urls_get_a_normal_form(url, normal):
    assert egress.check_url(url, allow_private=False) == normal


def resolver(*answers):
    """A resolver that gives one answer after the other, the last for ever; numbers are resolved as ever."""
    real, left = socket.getaddrinfo, list(answers)
    asked = []

    def look_up(host, port, *args, **kwargs):
        if kwargs.get("flags", 0) & socket.AI_NUMERICHOST:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        texts = left.pop(0) if len(left) > 1 else left[0]
        return [
            (
                socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "",
                (text, port, 0, 0) if ":" in text else (text, port),
            )
            for text in texts
        ]  # fmt: skip

    look_up.asked = asked
    return look_up


def post(url, *, seconds=5.0, allow_private=False):
    return egress.post(url, b"{}", {"X-One": "1"}, seconds=seconds, allow_private=allow_private)


@pytest.mark.parametrize("text", PRIVATE)
def test_names_of_inner_addresses_are_refused_without_a_connection(monkeypatch, text):
    monkeypatch.setattr(socket, "getaddrinfo", resolver([text]))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    with pytest.raises(egress.Forbidden):
        post("http://rebind.example.com/")


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["1.1.1.1", "10.0.0.1"]))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    with pytest.raises(egress.Forbidden):
        post("http://mixed.example.com/")


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """A second lookup would answer with this machine: there is none."""
    look_up = resolver(["1.1.1.1"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    connected = []

    def connect(self, address):
        connected.append(address)
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(egress.Unreachable, match="ConnectionRefusedError"):
        post("http://rebind.example.com:8080/")
    assert connected == [("1.1.1.1", 8080)] and look_up.asked == ["rebind.example.com"]


@pytest.fixture
def receiver():
    with listening() as receiver:
        yield receiver


def test_the_receiver_sees_the_name_and_the_whole_url(receiver, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"]))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    port = receiver.server_address[1]
    answer = post(f"http://hooks.example.com:{port}/a?b=c", allow_private=True)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    (got,) = receiver.got
    assert (got.path, got.headers["host"]) == ("/a?b=c", f"hooks.example.com:{port}")
    assert (got.headers["x-one"], got.body) == ("1", b"{}")


def test_the_next_address_is_tried_when_the_first_takes_no_connection(receiver, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["::1", "127.0.0.1"]))
    assert post(f"http://two.example.com:{receiver.server_address[1]}/", allow_private=True).status == 200


def test_a_redirect_is_not_followed(receiver):
    receiver.answer = status(307, Location="http://169.254.169.254/")
    assert post(receiver.url, allow_private=True).status == 307
    assert len(receiver.got) == 1


@pytest.mark.parametrize("answer", [silent(6), dripping], ids=["silent", "dripping"])
def test_a_slow_answer_ends_at_the_deadline(receiver, answer):
    receiver.answer = answer
    started = time.monotonic()
    with pytest.raises(egress.Unreachable, match=r"No answer within 0\.5 seconds"):
        post(receiver.url, seconds=0.5, allow_private=True)
    assert time.monotonic() - started < 3


def test_a_slow_lookup_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    started = time.monotonic()
    with pytest.raises(egress.Unreachable, match="looked up"):
        post("http://slow.example.com/", seconds=0.3, allow_private=True)
    assert time.monotonic() - started < 2


def test_of_a_huge_answer_only_the_beginning_is_read(receiver):
    receiver.answer = endless
    answer = post(receiver.url, allow_private=True)
    assert (answer.status, len(answer.body)) == (200, egress.MOST_BODY)


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"])
def test_what_is_not_http_is_a_failure(receiver, raw):
    receiver.answer = lambda handler: (handler.wfile.write(raw), setattr(handler, "close_connection", True))
    with pytest.raises(egress.Unreachable):
        post(receiver.url, allow_private=True)


def test_a_header_cannot_be_smuggled_in(receiver):
    with pytest.raises(ValueError, match="header"):
        egress.post(receiver.url, b"", {"X": "1\r\nY: 2"}, seconds=5, allow_private=True)
    assert receiver.got == []


# ---------------------------------------------------------------- TLS


def certificate(folder, name):
    """A certificate for this name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return path


@pytest.fixture
def secure(receiver, tmp_path, monkeypatch):
    """The receiver speaks TLS as secure.example.com, whose certificate the house trusts."""
    path = certificate(tmp_path, "secure.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"]))
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(egress, "_tls", lambda: trusting)
    return receiver.server_address[1]


def test_the_certificate_is_checked_against_the_name(secure, receiver):
    assert post(f"https://secure.example.com:{secure}/", allow_private=True).status == 200
    with pytest.raises(egress.Unreachable, match="certificate is not valid"):
        post(f"https://other.example.com:{secure}/", allow_private=True)
    assert len(receiver.got) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(secure, receiver, monkeypatch):
    monkeypatch.setattr(egress, "_tls", ssl.create_default_context)
    with pytest.raises(egress.Unreachable, match="certificate is not valid"):
        post(f"https://secure.example.com:{secure}/", allow_private=True)
    assert receiver.got == []


def test_a_handshake_that_is_never_answered_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"]))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(egress.Unreachable, match="No answer within"):
            post(f"https://mute.example.com:{mute.getsockname()[1]}/", seconds=0.5, allow_private=True)
    assert time.monotonic() - started < 3


# ---------------------------------------------------------------- the same through the verbs


@pytest.mark.django_db
def test_an_inner_address_is_refused_unless_the_setting_allows_it(receiver, settings):
    alice = house()
    with pytest.raises(ValidationError) as refused:
        webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)
    assert refused.value.message_dict == {"url": ["The host is inside a private or reserved network."]}
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    say(alice.organization)
    tell()
    assert receiver.got == []
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_error) == ("pending", "The host is inside a private or reserved network.")


@pytest.mark.django_db
def test_a_name_that_came_to_mean_an_inner_address_is_refused_when_sending(settings, monkeypatch):
    alice = house()
    webhooks.create_endpoint(alice.organization, "https://turned.example.com/", alice.actor)
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["192.168.0.10"]))
    say(alice.organization)
    tell()
    assert "private or reserved" in Delivery.objects.get().last_error


@pytest.mark.django_db
def test_slow_and_huge_answers_end_up_in_the_log(receiver, settings, monkeypatch):
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    alice = house()
    endpoint = webhooks.create_endpoint(alice.organization, receiver.url, alice.actor).endpoint
    receiver.answer = silent(2)
    say(alice.organization)
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "TIMEOUT", 0.5)
        tell()
    slow = webhooks.deliveries(alice.organization, endpoint=endpoint).get()
    assert (slow.state, slow.last_error, slow.last_status) == ("pending", "No answer within 0.5 seconds.", None)
    assert 500 <= slow.duration_ms < 3_000
    receiver.answer = endless
    say(alice.organization)
    tell()
    huge = webhooks.deliveries(alice.organization, endpoint=endpoint).first()
    assert (huge.state, len(huge.response_excerpt)) == ("delivered", 500)
