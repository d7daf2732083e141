"""TLS as a client, sans I/O: OpenSSL over memory buffers, with the alert and the certificate request kept in sight."""

from __future__ import annotations

import os
import ssl
import weakref
from functools import lru_cache
from typing import Any, Final, NamedTuple

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import Duplex

# TLS record types (RFC 8446 §5.1): change_cipher_spec, alert, handshake, application_data, heartbeat.
_RECORD_TYPES: Final = frozenset((20, 21, 22, 23, 24))
_ALERT_CONTENT: Final = 21
_HANDSHAKE_CONTENT: Final = 22
_CERTIFICATE_REQUEST: Final = 13
_FIRST_BYTES_KEPT: Final = 64
_READ_SIZE: Final = 64 * 1024


class ContextError(Exception):
    """A file of the user's (CA, certificate, key) cannot be used; the message says which and why."""


class TlsSettings(NamedTuple):
    """What makes two SSLContexts differ: one is built for each combination and kept (a build costs 18 ms)."""

    verify: bool = True
    offered: tuple[str, ...] = ("h2",)
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    old_versions: bool = False
    """Offer TLS 1.0 and 1.1 only."""
    key_log: str | None = None
    """The file that the session's secrets are added to, for Wireshark (the format of NSS's SSLKEYLOGFILE)."""


@lru_cache(maxsize=32)
def context_for(settings: TlsSettings) -> ssl.SSLContext:
    """The context for these settings. Raises ContextError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = settings.verify
    # OpenSSL would take the common name of a certificate without subjectAltName; gRPC clients do not (RFC 9525 §6.3).
    context.hostname_checks_common_name = False
    context.verify_mode = ssl.CERT_REQUIRED if settings.verify else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # gRPC needs at least this (RFC 9113 §9.2)
    if settings.old_versions:
        _allow_only_old_versions(context)
    if settings.verify:
        # A certificate that is trusted ends the chain, its own root is not asked for: as in Go and in grpcio.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_roots(context, settings.cacert)
    if settings.cert is not None:
        _load_pair(context, settings.cert, settings.key)
    if settings.key_log is not None:
        _log_keys(context, settings.key_log)
    if settings.offered:
        context.set_alpn_protocols(list(settings.offered))
    # Private since 3.8, and the only way to see a certificate request or the number of an alert.
    # Set below ssl.SSLContext, whose own setter makes three enums of the numbers of each of the dozens of messages of a
    # handshake: a twentieth of the time of a quick probe.
    super(ssl.SSLContext, ssl.SSLContext)._msg_callback.__set__(context, _on_message)  # type: ignore[misc]
    return context


def _load_roots(context: ssl.SSLContext, cacert: str | None) -> None:
    if cacert is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=cacert)
    except (OSError, ssl.SSLError) as failed:
        raise ContextError(f"--cacert {cacert}: {_reason(failed, 'no PEM certificate in it')}") from failed


def _load_pair(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as failed:
        raise ContextError(f"--cert {cert} --key {key}: {_reason(failed, 'not a matching PEM pair')}") from failed


def _log_keys(context: ssl.SSLContext, path: str) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))  # whoever reads it can decrypt
        context.keylog_filename = path
    except OSError as failed:
        raise ContextError(f"SSLKEYLOGFILE {path}: {failed.strerror}") from failed


def _no_password() -> str:
    raise ValueError("the key is encrypted; decrypt it first (openssl pkey -in KEY -out PLAIN)")


def _reason(failed: Exception, otherwise: str) -> str:
    if isinstance(failed, ssl.SSLError):
        return "the key does not belong to the certificate" if "MISMATCH" in str(failed) else otherwise
    return failed.strerror if isinstance(failed, OSError) and failed.strerror else str(failed)


def _allow_only_old_versions(context: ssl.SSLContext) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 hides the old versions behind the security level


def _on_message(
    connection: Any, direction: str, _version: Any, content_type: Any, message_type: Any, _data: bytes
) -> None:
    """OpenSSL's message callback: notes what arrives on the TlsClient that owns the connection."""
    reference = getattr(connection, "grpcdoctor_owner", None)
    owner: TlsClient | None = reference() if reference is not None else None
    if owner is None or direction != "read":
        return
    if int(content_type) == _ALERT_CONTENT:
        owner.alerts.append(int(message_type))
    elif int(content_type) == _HANDSHAKE_CONTENT and int(message_type) == _CERTIFICATE_REQUEST:
        owner.client_certificate_requested = True


class NotTlsError(Exception):
    """The peer's first bytes are no TLS record."""


class TlsClient:
    """One connection: `start`, then `receive` what arrives; both return what is to be sent."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        # Weak: a cycle would keep OpenSSL's buffers of a finished connection until the garbage collector comes.
        self.object.grpcdoctor_owner = weakref.ref(self)  # type: ignore[attr-defined]
        self.first_bytes = b""
        self.alerts: list[int] = []
        self.client_certificate_requested = False
        self.established = False

    def start(self) -> bytes:
        """The ClientHello."""
        self._handshake()
        return self._outgoing.read()

    def receive(self, data: bytes) -> bytes:
        """Feed bytes of the peer; returns what to send. Raises NotTlsError, ssl.SSLError (send `pending()` even so)."""
        if len(self.first_bytes) < _FIRST_BYTES_KEPT:
            self.first_bytes = (self.first_bytes + data)[:_FIRST_BYTES_KEPT]
            if self.first_bytes[0] not in _RECORD_TYPES or self.first_bytes[1:2] not in (b"", b"\x03"):
                raise NotTlsError
        self._incoming.write(data)
        if not self.established:
            self._handshake()
        return self._outgoing.read()

    def _handshake(self) -> None:
        try:
            self.object.do_handshake()
            self.established = True
        except ssl.SSLWantReadError:
            pass

    def pending(self) -> bytes:
        """What OpenSSL still wants sent: the alert that says why we gave up."""
        return self._outgoing.read()

    def decrypted(self) -> bytes:
        """Application data read so far; b"" if none. Raises ssl.SSLError, and ssl.SSLZeroReturnError at the end."""
        try:
            return self.object.read(_READ_SIZE)
        except ssl.SSLWantReadError:
            return b""

    def encrypt(self, data: bytes) -> bytes:
        self.object.write(data)
        return self._outgoing.read()

    def chain(self) -> tuple[bytes, ...]:
        """The certificates as sent, DER, leaf first."""
        if hasattr(self.object, "get_unverified_chain"):  # public since 3.13
            return tuple(self.object.get_unverified_chain() or ())
        inner: Any = self.object
        certificates = inner._sslobj.get_unverified_chain() or ()
        return tuple(certificate.public_bytes(_DER) for certificate in certificates)


_DER: Final[int] = 2  # _ssl.ENCODING_DER


class TlsStream:
    """A Duplex: TLS over another."""

    def __init__(self, below: Duplex, client: TlsClient) -> None:
        self._below = below
        self.client = client

    async def handshake(self, deadline: Deadline) -> None:
        """Raises NotTlsError, EOFError (closed in mid-handshake), TimeoutError, OSError, ssl.SSLError."""
        self._below.write(self.client.start())
        while not self.client.established:
            data = await self._below.read(deadline)
            if not data:
                raise EOFError
            self._receive(data)
            if deadline.expired and not self.client.established:
                raise TimeoutError  # a peer that never stops sending never lets a read wait

    def _receive(self, data: bytes) -> None:
        try:
            answer = self.client.receive(data)
        except ssl.SSLError:
            self._below.write(self.client.pending())
            raise
        if answer:
            self._below.write(answer)

    async def read(self, deadline: Deadline) -> bytes:
        """Decrypted bytes; b"" at the end, with or without close_notify. Raises as Duplex.read does."""
        while True:
            try:
                data = self.client.decrypted()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            if data:
                return data
            if deadline.expired:  # records without data, without end: no read below ever waits
                raise TimeoutError
            received = await self._below.read(deadline)
            if not received:
                return b""
            self._receive(received)

    def write(self, data: bytes) -> None:
        try:
            self._below.write(self.client.encrypt(data))
        except ssl.SSLError:
            pass  # the connection is over; the next read says how

    async def drain(self) -> None:
        """As the stream below."""
        await self._below.drain()

    def abort(self) -> None:
        self._below.abort()
