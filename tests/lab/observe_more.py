"""The second half of observed.md: first bytes on every kind of port, handshakes, and calls that last."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from tests.lab import fakes, tls_servers
from tests.lab.certificates import lab_certificates
from tests.lab.greeter import messages
from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import grpc_server
from tests.lab.raw_client import EMPTY_MESSAGE, PREFACE, call, exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.gateway import Gateway

EMPTY_SETTINGS = bytes.fromhex("00 00 00 04 00 00 00 00 00")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
SLOW, COUNT = "/lab.Greeter/Slow", "/lab.Greeter/Count"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def first_bytes(title: str, ports: dict[str, tuple[int, bool]]) -> None:
    """What a port says to the preface in clear, to a ClientHello, and to an HTTP/1.1 GET in its own transport."""
    print(f"\n## First bytes: {title}\n")
    print("| port | preface in clear | TLS ClientHello | HTTP/1.1 GET (on a TLS port: without ALPN) |")
    print("|---|---|---|---|")
    for name, (port, tls) in ports.items():
        clear = _shown(*exchange(port, PREFACE + EMPTY_SETTINGS))
        hello = _shown(*exchange(port, b"", tls=_unverified(), timeout=1.0)) if not tls else "(it speaks TLS)"
        get = _shown(*exchange(port, GET, tls=_unverified([]) if tls else None))
        print(f"| `{name}` | {clear} | {hello} | {get} |", flush=True)


def _shown(data: bytes, ended: str) -> str:
    text = repr(data[:90])[2:-1].replace("`", "'").replace("|", "\\|")
    return f"{len(data)} B `{text}` then {ended}" if data else f"**{ended}**"


def _unverified(alpn: list[str] | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = lab_certificates().client_context(alpn)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def servers_first_bytes() -> None:
    """The servers that come one at a time."""
    with grpc_server() as clear, grpc_server(tls=True) as tls, grpc_js_server() as js, grpc_js_server(tls=False) as js2:
        ports = {
            "grpc_server()": (clear.port, False),
            "grpc_server(tls=True)": (tls.port, True),
            "grpc_js_server(tls=False)": (js2.port, False),
            "grpc_js_server()": (js.port, True),
        }
        with fakes.http1() as http1, fakes.https_redirect() as redirect, fakes.ssh_banner() as ssh:
            ports["fakes.http1()"] = (http1.port, False)
            ports["fakes.https_redirect()"] = (redirect.port, False)
            ports["fakes.ssh_banner()"] = (ssh.port, False)
            first_bytes("servers", ports)


def handshakes(backend: int) -> None:
    """Versions, SNI and client certificates against the TLS oddities."""
    lab = lab_certificates()
    old = _unverified()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    contexts: dict[str, tuple[ssl.SSLContext, str | None]] = {
        "as usual": (lab.client_context(), "localhost"),
        "no SNI, unverified": (_unverified(), None),
        "1.2 only": (_unverified(version=V12), "localhost"),
        "1.3 only": (_unverified(version=V13), "localhost"),
        "1.1 only, SECLEVEL 0": (old, "localhost"),
        "with the lab's client certificate": (lab.client_context(pair=lab.client), "localhost"),
        "with a foreign one": (lab.client_context(pair=lab.client_foreign), "localhost"),
        "with an expired one": (lab.client_context(pair=lab.client_expired), "localhost"),
    }
    print("\n## Handshakes (outcome of SayHello: grpc-status, or what went wrong)\n")
    print(f"| server | {' | '.join(contexts)} |\n|{'---|' * (len(contexts) + 1)}")
    with grpc_server(tls=True, client_certificates=True) as mutual:
        _handshake_row("grpc_server(tls=True, client_certificates=True)", mutual.port, contexts)
    for name, manager in {
        "client_certificate_required(b, TLS 1.2)": tls_servers.client_certificate_required(backend, V12),
        "client_certificate_required(b, TLS 1.3)": tls_servers.client_certificate_required(backend, V13),
        "client_certificate_optional(b)": tls_servers.client_certificate_optional(backend),
        "tls_1_1_only(b)": tls_servers.tls_1_1_only(backend),
        "sni_required(b)": tls_servers.sni_required(backend),
        "sni_required(b, alert=False)": tls_servers.sni_required(backend, alert=False),
        "sni_default_certificate(b)": tls_servers.sni_default_certificate(backend),
    }.items():
        with manager as server:
            _handshake_row(name, server.port, contexts)


def _handshake_row(name: str, port: int, contexts: dict[str, tuple[ssl.SSLContext, str | None]]) -> None:
    cells = []
    for context, server_name in contexts.values():
        seen = call(port, tls=context, server_name=server_name, timeout=3)
        cells.append(f"grpc-status {seen.grpc_status}" if seen.grpc_status else f"**{seen.error}**")
    print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


def lasting_calls(gateway: Gateway, names: tuple[str, ...], describe: Callable[..., str], title: str) -> None:
    """Slow (5 s) and Count (100 numbers, 0.3 s apart) through limits of one second; a request left open."""
    count = messages["CountRequest"](limit=20, interval=0.3).SerializeToString()
    late = messages["CountRequest"](limit=3, interval=2.5).SerializeToString()
    print(f"\n## Calls that last: {title}\n")
    print("| scenario | Slow (5 s) | Count, a number every 0.3 s | Count, a number every 2.5 s |\n|---|---|---|---|")
    for name in names:
        tls = lab_certificates().client_context() if gateway.tls(name) else None
        calls = [(SLOW, b""), (COUNT, count), (COUNT, late)]
        cells = [
            describe(call(gateway.port(name), path, tls=tls, message=_framed(message), timeout=12))
            for path, message in calls
        ]
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


def _framed(message: bytes) -> bytes:
    return EMPTY_MESSAGE[:1] + len(message).to_bytes(4, "big") + message
