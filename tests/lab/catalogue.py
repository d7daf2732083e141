"""The servers that come one at a time, each with the expression that starts it (for observe.py)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from tests.lab import fakes, tls_servers
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import grpc_server

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    Entry = tuple[str, AbstractContextManager[object], bool]
    """Expression, server (not started yet), whether to speak TLS to it."""

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")
BAD_CERTIFICATES = (
    "intermediate_missing",
    "expired",
    "not_yet_valid",
    "expiring",
    "other_name",
    "unknown_ca",
    "self_signed",
)


def single_servers() -> list[Entry]:
    """grpcio, grpc-js and the fakes."""
    certificates = lab_certificates()
    h2 = certificates.server_context(alpn=["h2"])
    return [
        ("grpc_server(tls=True)", grpc_server(tls=True), True),
        ("grpc_server()", grpc_server(), False),
        ("grpc_server(reflection='no', health=False)", grpc_server(reflection="no", health=False), False),
        ("grpc_server(status='NOT_SERVING')", grpc_server(status="NOT_SERVING"), False),
        *((f"grpc_server(refuse='{code}')", grpc_server(refuse=code), False) for code in REFUSALS),
        ("grpc_server(token='t')", grpc_server(token="t"), False),
        ("grpc_server(saturated=True)", grpc_server(saturated=True), False),
        ("grpc_server(stuck=True)", grpc_server(stuck=True), False),
        ("grpc_server(max_concurrent_streams=1)", grpc_server(max_concurrent_streams=1), False),
        ("grpc_server(tls=True, client_certificates=True)", grpc_server(tls=True, client_certificates=True), True),
        ("grpc_js_server()", grpc_js_server(), True),
        *((f"fakes.goaway({code})", fakes.goaway(code, b"lab says no"), False) for code in (0, 2, 11, 13)),
        *((f"fakes.rst_stream({code})", fakes.rst_stream(code), False) for code in range(14)),
        ("fakes.rst_stream_after_headers(2)", fakes.rst_stream_after_headers(2), False),
        ("fakes.max_concurrent_streams(0)", fakes.max_concurrent_streams(0), False),
        ("fakes.max_concurrent_streams(1)", fakes.max_concurrent_streams(1), False),
        ("fakes.header_limit()", fakes.header_limit(), False),
        ("fakes.trailers_stripped()", fakes.trailers_stripped(), False),
        ("fakes.headers_only()", fakes.headers_only(), False),
        ("fakes.http2_answer(404)", fakes.http2_answer(404), False),
        ("fakes.http2_redirect()", fakes.http2_redirect(), False),
        ("fakes.echo_authorization()", fakes.echo_authorization(), False),
        ("fakes.slow(1)", fakes.slow(1), False),
        ("fakes.flaky(3)", fakes.flaky(3), False),
        ("fakes.no_answer()", fakes.no_answer(), False),
        ("fakes.closes_silently()", fakes.closes_silently(), False),
        ("fakes.resets()", fakes.resets(), False),
        ("fakes.garbage()", fakes.garbage(), False),
        ("fakes.ssh_banner()", fakes.ssh_banner(), False),
        ("fakes.silent()", fakes.silent(), False),
        ("fakes.http1()", fakes.http1(), False),
        ("fakes.https_redirect()", fakes.https_redirect(), False),
        ("fakes.alpn_h2_but_http1()", fakes.alpn_h2_but_http1(certificates), True),
        ("fakes.trailers_stripped(tls=…)", fakes.trailers_stripped(tls=h2), True),
        ("fakes.http1() asked for TLS", fakes.http1(), True),
        ("grpc_server() asked for TLS", grpc_server(), True),
        ("grpc_server(tls=True) asked in clear", grpc_server(tls=True), False),
    ]


def tls_oddities(backend: int) -> list[Entry]:
    """TLS in front of a plaintext backend."""
    certificates = lab_certificates()
    v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    return [
        ("terminator(b)", tls_servers.terminator(backend), True),
        ("terminator(b, alpn=())", tls_servers.terminator(backend, alpn=()), True),
        ("terminator(b, alpn=('http/1.1',))", tls_servers.terminator(backend, alpn=("http/1.1",)), True),
        *(
            (
                f"terminator(b, certificate={name})",
                tls_servers.terminator(backend, certificate=getattr(certificates, name)),
                True,
            )
            for name in ("chained", *BAD_CERTIFICATES)
        ),
        ("client_certificate_required(b, TLS 1.2)", tls_servers.client_certificate_required(backend, v12), True),
        ("client_certificate_required(b, TLS 1.3)", tls_servers.client_certificate_required(backend, v13), True),
        ("client_certificate_optional(b)", tls_servers.client_certificate_optional(backend), True),
        ("tls_1_1_only(b)", tls_servers.tls_1_1_only(backend), True),
        ("protocol_version_alert()", tls_servers.protocol_version_alert(), True),
        ("sni_required(b)", tls_servers.sni_required(backend), True),
        ("sni_default_certificate(b)", tls_servers.sni_default_certificate(backend), True),
        ("closes_after_handshake()", tls_servers.closes_after_handshake(), True),
        ("silent_after_handshake()", tls_servers.silent_after_handshake(), True),
        ("no_common_cipher()", tls_servers.no_common_cipher(), True),
    ]
