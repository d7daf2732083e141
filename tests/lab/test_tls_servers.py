"""Certificates are bad in one way each, and the TLS oddities are what they say."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from tests.lab import tls_servers
from tests.lab.raw_client import call

if TYPE_CHECKING:
    from tests.lab.certificates import Certificates
    from tests.lab.grpc_server import GrpcServer

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def unverified(alpn: str = "h2", version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client context that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    if version:
        tls_servers.speak_only(context, version)
    return context


@pytest.mark.parametrize("name", ["good", "chained", "expiring"])
@pytest.mark.parametrize("host", ["localhost", "grpc.example.test", "127.0.0.1"])
def test_good_certificates_verify(certificates: Certificates, grpcio_h2c: GrpcServer, name: str, host: str) -> None:
    with tls_servers.terminator(grpcio_h2c.port, certificate=getattr(certificates, name)) as server:
        assert call(server.port, tls=certificates.client_context(), server_name=host).grpc_status == "0"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expired", 10),
        ("not_yet_valid", 9),
        ("other_name", 62),
        ("unknown_ca", 20),
        ("intermediate_missing", 20),
        ("self_signed", 18),
    ],
)
def test_bad_certificates_fail_in_their_own_way(
    certificates: Certificates, grpcio_h2c: GrpcServer, name: str, code: int
) -> None:
    with (
        tls_servers.terminator(grpcio_h2c.port, certificate=getattr(certificates, name)) as server,
        socket.create_connection(server.address, timeout=5) as stream,
        pytest.raises(ssl.SSLCertVerificationError) as caught,
    ):
        certificates.client_context().wrap_socket(stream, server_hostname="localhost")
    assert caught.value.verify_code == code


@pytest.mark.parametrize(("alpn", "selected"), [(("h2",), "h2"), ((), None), (("http/1.1",), None)])
def test_terminators_agree_on_alpn(
    certificates: Certificates, grpcio_h2c: GrpcServer, alpn: tuple[str, ...], selected: str | None
) -> None:
    with tls_servers.terminator(grpcio_h2c.port, alpn=alpn) as server:
        seen = call(server.port, tls=certificates.client_context())
        assert (seen.alpn, seen.grpc_status) == (selected, "0")


@pytest.mark.parametrize(
    ("version", "missing", "foreign"),
    [
        (V12, "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_UNKNOWN_CA"),
        (V13, "TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA"),
    ],
)
def test_client_certificates(
    certificates: Certificates, grpcio_h2c: GrpcServer, version: ssl.TLSVersion, missing: str, foreign: str
) -> None:
    with tls_servers.client_certificate_required(grpcio_h2c.port, version) as server:
        assert call(server.port, tls=certificates.client_context()).error == missing
        assert call(server.port, tls=certificates.client_context(pair=certificates.client)).grpc_status == "0"
        assert call(server.port, tls=certificates.client_context(pair=certificates.client_foreign)).error == foreign
    with tls_servers.client_certificate_optional(grpcio_h2c.port, version) as server:
        assert call(server.port, tls=certificates.client_context()).grpc_status == "0"


def test_tls_1_1_is_spoken_and_nothing_newer(certificates: Certificates, grpcio_h2c: GrpcServer) -> None:
    with tls_servers.tls_1_1_only(grpcio_h2c.port) as server:
        assert call(server.port, tls=certificates.client_context()).error == "TLSV1_ALERT_PROTOCOL_VERSION"
        assert call(server.port, tls=unverified(version=ssl.TLSVersion.TLSv1_1)).grpc_status == "0"
    with tls_servers.protocol_version_alert() as server:
        assert call(server.port, tls=certificates.client_context()).error == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("alert", [True, False])
def test_nothing_without_sni(grpcio_h2c: GrpcServer, alert: bool) -> None:
    with tls_servers.sni_required(grpcio_h2c.port, alert=alert) as server:
        assert call(server.port, tls=unverified()).grpc_status == "0"
        error = call(server.port, tls=unverified(), server_name=None).error
    assert ("UNRECOGNIZED_NAME" in error) == alert


def test_another_certificate_without_sni(certificates: Certificates, grpcio_h2c: GrpcServer) -> None:
    subjects = []
    with tls_servers.sni_default_certificate(grpcio_h2c.port) as server:
        for name in ("localhost", None):
            with socket.create_connection(server.address, timeout=5) as stream:
                wrapped = unverified().wrap_socket(stream, server_hostname=name)
                subjects.append(wrapped.getpeercert(binary_form=True))
                wrapped.close()
    assert subjects == [
        ssl.PEM_cert_to_DER_cert(pair.cert.read_text()) for pair in (certificates.good, certificates.other_name)
    ]


def test_handshakes_that_lead_nowhere() -> None:
    with tls_servers.closes_after_handshake() as closing, tls_servers.silent_after_handshake() as silent:
        assert call(closing.port, tls=unverified()).error == "eof"
        assert call(silent.port, tls=unverified(), timeout=0.5).error == "timeout"
    with tls_servers.no_common_cipher() as server:
        assert call(server.port, tls=unverified()).error == "SSLV3_ALERT_HANDSHAKE_FAILURE"
