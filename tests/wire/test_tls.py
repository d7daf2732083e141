"""TlsClient and handshakes: sans I/O against OpenSSL's own server, and every way in which it goes wrong."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref

import pytest

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.handshake import Shaken, shake_hands
from grpcdoctor.wire.stream import Duplex
from grpcdoctor.wire.tls import ContextError, NotTlsError, TlsClient, TlsSettings, TlsStream, context_for
from tests.lab.certificates import Certificates
from tests.wire.peers import HandFed

UNVERIFIED = TlsSettings(verify=False)


class TlsServer:
    """OpenSSL's server over memory buffers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.done = False

    def receive(self, data: bytes) -> bytes:
        self.incoming.write(data)
        if not self.done:
            try:
                self.object.do_handshake()
                self.done = True
            except ssl.SSLWantReadError:
                pass
        return self.outgoing.read()

    def send(self, data: bytes) -> bytes:
        self.object.write(data)
        return self.outgoing.read()


def established(certificates: Certificates, server: ssl.SSLContext | None = None) -> tuple[TlsClient, TlsServer]:
    client = TlsClient(context_for(TlsSettings(cacert=str(certificates.ca))), "localhost")
    peer = TlsServer(server or certificates.server_context(alpn=["h2"]))
    to_server = client.start()
    while not client.established:
        to_server = client.receive(peer.receive(to_server))
    if to_server:
        client.receive(peer.receive(to_server))
    return client, peer


def test_a_handshake_yields_alpn_chain_and_data_both_ways(certificates: Certificates) -> None:
    client, peer = established(certificates)
    assert (client.object.selected_alpn_protocol(), len(client.chain()), client.alerts) == ("h2", 1, [])
    assert client.first_bytes[0] == 22
    client.receive(peer.send(b"hello"))
    assert (client.decrypted(), client.decrypted()) == (b"hello", b"")
    peer.receive(client.encrypt(b"question"))
    assert peer.object.read(100) == b"question"


def test_a_certificate_request_is_noticed(certificates: Certificates) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = certificates.server_context(alpn=["h2"])
        context.verify_mode = ssl.CERT_OPTIONAL
        context.minimum_version = context.maximum_version = version
        client, _ = established(certificates, context)
        assert client.client_certificate_requested
    client, _ = established(certificates)
    assert not client.client_certificate_requested


@pytest.mark.parametrize("data", [b"HTTP/1.1 400", b"\x16\x02", b"SSH", b"\0", b"\x19\x03", b"\xff" * 100])
def test_what_is_no_tls_record_is_told_at_once(data: bytes) -> None:
    client = TlsClient(context_for(UNVERIFIED), "localhost")
    client.start()
    with pytest.raises(NotTlsError):
        client.receive(data)
    assert client.first_bytes == data[:64]


def test_an_alert_keeps_its_number() -> None:
    client = TlsClient(context_for(UNVERIFIED), "localhost")
    client.start()
    with pytest.raises(ssl.SSLError):
        client.receive(bytes.fromhex("15030300020278"))
    assert client.alerts == [120]


def test_a_finished_client_is_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        client = TlsClient(context_for(UNVERIFIED), "localhost")
        client.start()
        gone = weakref.ref(client)
        del client
        assert gone() is None
    finally:
        gc.enable()


def test_files_that_cannot_be_used_are_named(certificates: Certificates) -> None:
    with pytest.raises(ContextError, match="--cacert /nowhere"):
        context_for(TlsSettings(cacert="/nowhere"))
    with pytest.raises(ContextError, match="does not belong"):
        context_for(TlsSettings(cert=str(certificates.client.cert), key=str(certificates.good.key)))


def shaken(*pieces: bytes | Exception | None, name: str | None = "localhost", seconds: float = 0.2) -> Shaken:
    async def run() -> Shaken:
        below: Duplex = HandFed(*pieces)
        return await shake_hands(below, UNVERIFIED, name, Deadline.after(seconds))  # type: ignore[arg-type]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("pieces", "result"),
    [
        ((None,), "closed"),
        ((ConnectionResetError(),), "closed"),
        ((), "timeout"),
        ((b"HTTP/1.1 400 Bad Request\r\n",), "not-tls"),
        ((bytes.fromhex("15030300020228"),), "alert"),
        ((bytes.fromhex("160303000402000000"),), "error"),
        ((bytes.fromhex("16030340ff") + bytes(0x40FF),), "error"),
        ((bytes.fromhex("1603030050"), None), "closed"),
        ((bytes.fromhex("160303ffff") + bytes(100),), "error"),
    ],
)
def test_every_end_of_a_handshake_is_a_result(pieces: tuple[bytes | Exception | None, ...], result: str) -> None:
    found = shaken(*pieces).handshake
    assert (found.result, found.version) == (result, None)


def test_a_name_that_cannot_be_sni_is_an_error_and_an_address_is_not_sent() -> None:
    assert shaken(name="a" * 70 + ".x").handshake.result == "error"
    assert shaken(None, name="192.0.2.1").handshake.server_name is None


class Drips(HandFed):
    """One record that never becomes whole, a byte a read, and no read ever waits."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = iter(bytes.fromhex("1703034100") + bytes(0x4100))

    async def read(self, deadline: Deadline) -> bytes:
        await asyncio.sleep(0)
        return bytes((next(self._bytes),))


def test_records_that_never_become_data_end_at_the_deadline(certificates: Certificates) -> None:
    client, _ = established(certificates)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await TlsStream(Drips(), client).read(Deadline.after(0.02))

    asyncio.run(run())


def test_a_handshake_that_drips_for_ever_ends_at_the_deadline() -> None:
    class Hello(Drips):
        def __init__(self) -> None:
            super().__init__()
            self._bytes = iter(bytes.fromhex("1603034000020100ff") + bytes(0x4000))

    async def run() -> None:
        stream = TlsStream(Hello(), TlsClient(context_for(UNVERIFIED), "localhost"))
        with pytest.raises(TimeoutError):
            await stream.handshake(Deadline.after(0.02))

    asyncio.run(run())
