"""TLS servers with one oddity each, at OpenSSL's level, in front of a plaintext backend where one is given.

with terminator(backend.port, alpn=["h2"]) as server: ...
with client_certificate_required(backend.port, ssl.TLSVersion.TLSv1_3) as server: ...
"""

from __future__ import annotations

import socket
import ssl
import warnings
from typing import TYPE_CHECKING, Any

from tests.lab.certificates import KeyPair, lab_certificates
from tests.lab.fake_server import IDLE_SECONDS, FakeServer, read_until_closed, serve
from tests.lab.pump import pump

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    Terminator = AbstractContextManager[FakeServer]

_CHUNK = 65536


def terminator(
    backend: int,
    alpn: Sequence[str] = ("h2",),
    certificate: KeyPair | None = None,
    version: ssl.TLSVersion | None = None,
    clients: ssl.VerifyMode = ssl.CERT_NONE,
) -> Terminator:
    """TLS, and behind it the backend's own bytes. `alpn=()` knows no ALPN; `version` is the only one spoken."""
    context = _context(alpn, certificate, version)
    if clients != ssl.CERT_NONE:
        context.load_verify_locations(lab_certificates().ca)
        context.verify_mode = clients
    return serve(lambda stream, number: _forward(stream, backend), tls=context)


def client_certificate_required(backend: int, version: ssl.TLSVersion, alpn: Sequence[str] = ("h2",)) -> Terminator:
    """A client certificate of the lab's root, or no service. In TLS 1.3 the client learns it only when it reads."""
    return terminator(backend, alpn=alpn, version=version, clients=ssl.CERT_REQUIRED)


def client_certificate_optional(backend: int, version: ssl.TLSVersion | None = None) -> Terminator:
    """Asks for a client certificate and serves without one."""
    return terminator(backend, version=version, clients=ssl.CERT_OPTIONAL)


def speak_only(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """This version and no other, an old one too."""
    context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 speaks the old ones at security level 0 only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # they are deprecated, and that is the point
        context.minimum_version = context.maximum_version = version


def tls_1_1_only(backend: int) -> Terminator:
    """TLS 1.1 and nothing newer."""
    context = _context(("h2",), None, None)
    speak_only(context, ssl.TLSVersion.TLSv1_1)
    return serve(lambda stream, number: _forward(stream, backend), tls=context)


def protocol_version_alert() -> Terminator:
    """Answers a ClientHello with the alert of a server that finds the offered versions too new: fatal, 70."""

    def handler(stream: socket.socket, number: int) -> None:
        stream.recv(_CHUNK)
        stream.sendall(bytes.fromhex("15 03 02 00 02 02 46"))

    return serve(handler)


def sni_required(backend: int, alert: bool = True) -> Terminator:
    """Serves only handshakes that name a host: others get unrecognized_name, or (alert=False) a closed connection."""
    context = _context(("h2",), None, None)

    def callback(stream: Any, name: str | None, _: ssl.SSLContext) -> int | None:
        if name:
            return None
        if not alert:
            stream.shutdown(socket.SHUT_RDWR)
        return int(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)

    context.sni_callback = callback
    return serve(lambda stream, number: _forward(stream, backend), tls=context)


def sni_default_certificate(backend: int) -> Terminator:
    """Presents another host's certificate to handshakes that name no host, as shared gateways do."""
    context = _context(("h2",), lab_certificates().other_name, None)
    named = _context(("h2",), None, None)

    def callback(stream: Any, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            stream.context = named

    context.sni_callback = callback
    return serve(lambda stream, number: _forward(stream, backend), tls=context)


def closes_after_handshake(alpn: Sequence[str] = ("h2",)) -> Terminator:
    """A handshake without fault, and then the end of the connection."""
    return serve(lambda stream, number: None, tls=_context(alpn, None, None))


def silent_after_handshake(alpn: Sequence[str] = ("h2",)) -> Terminator:
    """A handshake without fault, and then nothing."""
    return serve(lambda stream, number: read_until_closed(stream), tls=_context(alpn, None, None))


def no_common_cipher() -> Terminator:
    """TLS 1.2 with one cipher that needs an RSA certificate, which the server lacks: handshake_failure."""
    context = _context(("h2",), None, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    return serve(lambda stream, number: None, tls=context)


def _context(alpn: Sequence[str], certificate: KeyPair | None, version: ssl.TLSVersion | None) -> ssl.SSLContext:
    context = lab_certificates().server_context(certificate, list(alpn))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def _forward(stream: socket.socket, backend: int) -> None:
    with socket.create_connection(("127.0.0.1", backend), timeout=IDLE_SECONDS) as inner:
        pump(stream, inner)
