"""Writes observed.md: what a raw client, and grpcio, see of every server of the lab.

    python -m tests.lab.observe > tests/lab/observed.md
"""

from __future__ import annotations

import collections
import contextlib
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import envoy_scenarios, fakes, nginx, tls_servers
from tests.lab.backends import running_backends
from tests.lab.certificates import lab_certificates
from tests.lab.envoy import running_envoy
from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import grpc_server
from tests.lab.haproxy import frontends, running_haproxy
from tests.lab.nginx import running_nginx
from tests.lab.processes import ROOT
from tests.lab.raw_client import Seen, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.lab.backends import Backends
    from tests.lab.gateway import Gateway

HELLO, NOPE, HEALTH = "/lab.Greeter/SayHello", "/grpcdoctor.Probe/Nope", "/grpc.health.v1.Health/Check"
_SHOWN = ("content-type", "server", "location", "via", "www-authenticate", "retry-after")
_GRPCIO = """
import sys, grpc
port, tls, ca = sys.argv[1:]
credentials = grpc.ssl_channel_credentials(open(ca, "rb").read())
target = "localhost:" + port
channel = grpc.secure_channel(target, credentials) if tls == "True" else grpc.insecure_channel(target)
try:
    channel.unary_unary("/lab.Greeter/SayHello", lambda m: m, lambda m: m)(b"", timeout=4)
    print("OK")
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""


def describe(seen: Seen) -> str:
    """One answer in one line."""
    parts = [f":status {seen.status}"] if seen.status else []
    for name, value in seen.headers:
        if name.startswith("x-envoy") or name in _SHOWN:
            parts.append(f"{name} `{'<ms>' if name == 'x-envoy-upstream-service-time' else value}`")
    if seen.grpc_status is not None:
        place = "trailers" if seen.trailers else "trailers-only"
        parts.append(f"grpc-status {seen.grpc_status} ({place})")
    if seen.grpc_message:
        parts.append(f"grpc-message `{seen.grpc_message}`")
    if seen.data:
        parts.append(f"body {len(seen.data)} B `{_printable(seen.data[:48])}`")
    if seen.ended and seen.grpc_status is None:
        parts.append("END_STREAM without grpc-status")
    if seen.reset is not None:
        parts.append(f"RST_STREAM {seen.reset}" + (" after END_STREAM" if seen.ended else ""))
    for last, code, debug in seen.goaways:
        parts.append(f"GOAWAY code {code} last {last}" + (f" `{_printable(debug)}`" if debug else ""))
    if seen.raw:
        parts.append(f"not HTTP/2: {len(seen.raw)} B `{_printable(seen.raw[:64])}`")
    if seen.error and not seen.raw:
        parts.append(f"**{seen.error}**")
    if seen.seconds > 0.4:
        parts.append(f"after {seen.seconds:.1f} s")
    return " · ".join(parts).replace("|", "\\|")


def _printable(data: bytes) -> str:
    return repr(data)[2:-1].replace("`", "'")


def settings(seen: Seen) -> str:
    """SETTINGS as id=value."""
    return " ".join(f"{key:x}={value}" for key, value in seen.settings.items() if key >= 0) or (
        "(empty)" if seen.settings else "none"
    )


def grpcio_says(port: int, tls: bool) -> str:
    """The second opinion, in a child process, which some of these servers kill."""
    command = [sys.executable, "-c", _GRPCIO, str(port), str(tls), str(lab_certificates().ca)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=15, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "(hangs beyond its deadline)"
    if done.returncode:
        return f"**process dies, return code {done.returncode}**"
    return done.stdout.decode().strip().replace("|", "\\|").replace("127.0.0.1:" + str(port), "ADDR").replace("\n", " ")


@dataclass(frozen=True)
class Place:
    """One port to look at."""

    name: str
    about: str
    port: int
    tls: ssl.SSLContext | None = None
    samples: int = 1
    logged: str = ""


def row(place: Place, extra: str = "") -> str:
    """One line of the table."""
    first = call(place.port, HELLO, tls=place.tls)
    answers = collections.Counter([describe(first)])
    for _ in range(place.samples - 1):
        answers[describe(call(place.port, HELLO, tls=place.tls))] += 1
    hello = " // ".join(f"{count}×: {text}" if place.samples > 1 else text for text, count in answers.most_common())
    others = []
    for path in (NOPE, HEALTH):
        seen = describe(call(place.port, path, tls=place.tls))
        others.append("same" if seen == describe(first) else seen)
    alpn = (first.alpn or "none") if place.tls else "–"
    cells = [f"`{place.name}`", place.about, alpn, settings(first), hello, *others]
    cells += [grpcio_says(place.port, place.tls is not None)]
    return f"| {' | '.join(cells)} |{extra}"


HEAD = """| scenario | what it is | ALPN | SETTINGS | SayHello | unknown method | health Check | grpcio says |
|---|---|---|---|---|---|---|---|"""


def table(title: str, places: Iterator[Place]) -> None:
    """One section."""
    print(f"\n## {title}\n\n{HEAD}")
    for place in places:
        print(row(place), flush=True)


def _gateway(gateway: Gateway, about: Callable[[str], str], often: tuple[str, ...] = ()) -> Iterator[Place]:
    context = lab_certificates().client_context()
    for name in gateway.ports:
        samples = 12 if name in often else 1
        yield Place(name, about(name), gateway.port(name), context if gateway.tls(name) else None, samples)


def _single() -> list[tuple[str, AbstractContextManager[object], bool]]:
    """The servers that come one at a time: expression, server, TLS."""
    certificates = lab_certificates()
    h2 = certificates.server_context(alpn=["h2"])
    return [
        ("grpc_server(tls=True)", grpc_server(tls=True), True),
        ("grpc_server()", grpc_server(), False),
        ("grpc_server(reflection='no', health=False)", grpc_server(reflection="no", health=False), False),
        ("grpc_server(status='NOT_SERVING')", grpc_server(status="NOT_SERVING"), False),
        *((f"grpc_server(refuse='{code}')", grpc_server(refuse=code), False) for code in _REFUSALS),
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


_REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")


def _tls(backend: int) -> list[tuple[str, AbstractContextManager[object], bool]]:
    certificates = lab_certificates()
    v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    bad = "chained intermediate_missing expired not_yet_valid expiring other_name unknown_ca self_signed".split()
    return [
        ("terminator(b)", tls_servers.terminator(backend), True),
        ("terminator(b, alpn=())", tls_servers.terminator(backend, alpn=()), True),
        ("terminator(b, alpn=('http/1.1',))", tls_servers.terminator(backend, alpn=("http/1.1",)), True),
        *(
            (f"terminator(b, certificate={name})", tls_servers.terminator(backend, certificate=getattr(certificates, name)), True)
            for name in bad
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


def _one_by_one(servers: list[tuple[str, AbstractContextManager[object], bool]]) -> Iterator[Place]:
    context = lab_certificates().client_context()
    for name, manager, tls in servers:
        with manager as server:
            port: int = server.port  # type: ignore[attr-defined]
            yield Place(name, "", port, context if tls else None)


def _logs(backends: Backends) -> None:
    with running_envoy(backends) as envoy:
        abouts = {name: scenario.about for name, scenario in envoy_scenarios.LISTENERS.items()}
        table("Envoy (`envoy.port(name)`)", _gateway(envoy, abouts.__getitem__, ("fault-abort-half",)))
        time.sleep(0.5)
        print("\n### Envoy's access log of SayHello\n\n| scenario | flags | details |\n|---|---|---|")
        for name in envoy.ports:
            for entry in [each for each in envoy.logged(name) if each["path"] in (HELLO, None)][:1]:
                print(f"| `{name}` | {entry['flags']} | `{entry['details']}` |".replace("{", "{"))


def main() -> None:
    """Everything."""
    print(INTRODUCTION)
    with contextlib.ExitStack() as stack:
        backends = stack.enter_context(running_backends())
        _logs(backends)
        with running_nginx(backends) as gateway:
            blocks = nginx.servers(backends, ROOT)
            often = ("proxy-pass", "proxy-pass-h2c", "proxy-pass-tls")
            table("nginx 1.22 (`nginx.port(name)`)", _gateway(gateway, lambda name: blocks[name].about, often))
        with running_haproxy(backends) as gateway:
            chosen = frontends(backends, ROOT)
            often = ("no-proto-h2", "no-proto-h2-clear")
            table("haproxy 2.6 (`haproxy.port(name)`)", _gateway(gateway, lambda name: chosen[name].about, often))
        table("TLS oddities (`tls_servers.…`, b = a plaintext grpcio backend)", _one_by_one(_tls(backends.h2c)))
        table("Servers that come one at a time", _one_by_one(_single()))


INTRODUCTION = """# What the lab's servers answer

Made by `python -m tests.lab.observe`; do not edit by hand. The client is tests/lab/raw_client.py: preface, SETTINGS, HEADERS
and an empty message in one flight, ALPN h2, SNI localhost, the lab's root trusted. "same" = the same as for SayHello.
SETTINGS are hexadecimal id = decimal value. x-envoy-upstream-service-time is shown as <ms>. grpcio is the installed one, in a
process of its own (a deadline of 4 s), calling SayHello."""


if __name__ == "__main__":
    main()
