"""Writes observed.md: what a raw client, and grpcio, see of every server of the lab.

python -m tests.lab.observe > tests/lab/observed.md
"""

from __future__ import annotations

import collections
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import envoy_scenarios, nginx
from tests.lab.backends import running_backends
from tests.lab.catalogue import single_servers, tls_oddities
from tests.lab.certificates import lab_certificates
from tests.lab.envoy import running_envoy
from tests.lab.haproxy import frontends, running_haproxy
from tests.lab.nginx import running_nginx
from tests.lab.observe_more import first_bytes, handshakes, lasting_calls, servers_first_bytes
from tests.lab.processes import ROOT
from tests.lab.raw_client import Seen, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.backends import Backends
    from tests.lab.catalogue import Entry
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


def row(place: Place) -> str:
    """One line of the table."""
    first = call(place.port, HELLO, tls=place.tls)
    more = [call(place.port, HELLO, tls=place.tls) for _ in range(place.samples - 1)]
    hello = _counted([describe(seen) for seen in [first, *more]])
    others = [describe(call(place.port, path, tls=place.tls)) for path in (NOPE, HEALTH)]
    others = ["same" if other == describe(first) else other for other in others]
    alpn = (first.alpn or "none") if place.tls else "–"
    cells = [f"`{place.name}`", place.about, alpn, settings(first), hello, *others]
    opinions = [grpcio_says(place.port, place.tls is not None) for _ in range(min(place.samples, 10))]
    return f"| {' | '.join([*cells, _counted(opinions)])} |"


def _counted(answers: list[str]) -> str:
    counts = collections.Counter(answers).most_common()
    return " // ".join(f"{count}×: {text}" if len(answers) > 1 else text for text, count in counts)


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
        samples = 20 if name in often else 1
        yield Place(name, about(name), gateway.port(name), context if gateway.tls(name) else None, samples)


def _one_by_one(servers: list[Entry]) -> Iterator[Place]:
    context = lab_certificates().client_context()
    for name, manager, tls in servers:
        with manager as server:
            port: int = server.port  # type: ignore[attr-defined]
            yield Place(name, "", port, context if tls else None, 10 if "goaway" in name else 1)


def _ports(gateway: Gateway, names: tuple[str, ...]) -> dict[str, tuple[int, bool]]:
    return {name: (gateway.port(name), gateway.tls(name)) for name in names}


def _nginx(backends: Backends) -> None:
    with running_nginx(backends) as gateway:
        blocks = nginx.servers(backends, ROOT)
        often = ("proxy-pass", "proxy-pass-h2c", "proxy-pass-tls")
        table("nginx 1.22 (`nginx.port(name)`)", _gateway(gateway, lambda name: blocks[name].about, often))
        lasting_calls(gateway, ("healthy", "read-timeout"), describe, "nginx")
        plain = ("plain-no-http2", "html-200-http1", "https-redirect", "healthy-h2c", "healthy", "no-http2")
        first_bytes("nginx", _ports(gateway, plain))


def _haproxy(backends: Backends) -> None:
    with running_haproxy(backends) as gateway:
        chosen = frontends(backends, ROOT)
        often = ("no-proto-h2", "no-proto-h2-clear")
        table("haproxy 2.6 (`haproxy.port(name)`)", _gateway(gateway, lambda name: chosen[name].about, often))
        lasting_calls(gateway, ("healthy", "server-timeout"), describe, "haproxy")
        plain = ("healthy-h2c", "healthy-clear", "https-redirect", "healthy", "no-alpn", "alpn-http1-only")
        first_bytes("haproxy", _ports(gateway, plain))


def _envoy(backends: Backends) -> None:
    with running_envoy(backends) as gateway:
        abouts = {name: scenario.about for name, scenario in envoy_scenarios.LISTENERS.items()}
        table("Envoy 1.40 (`envoy.port(name)`)", _gateway(gateway, abouts.__getitem__, ("fault-abort-half",)))
        time.sleep(0.5)
        print("\n### Envoy's access log of SayHello\n\n| scenario | flags | details |\n|---|---|---|")
        for name in gateway.ports:
            for entry in [each for each in gateway.logged(name) if each["path"] in (HELLO, None)][:1]:
                print(f"| `{name}` | {entry['flags']} | `{entry['details']}` |".replace("failure|", "failure\\|"))
        limits = ("route-timeout", "route-timeout-0", "stream-idle-timeout", "max-stream-duration")
        lasting_calls(gateway, limits, describe, "Envoy")
        plain = ("healthy-h2c", "healthy-h2c-codec-http2", "codec-http1", "https-redirect", "html-200")
        first_bytes("Envoy", _ports(gateway, (*plain, "healthy-tls", "alpn-none", "alpn-http1-only", "mtls")))


def main() -> None:
    """Everything."""
    print(INTRODUCTION)
    with running_backends() as backends:
        _envoy(backends)
        _nginx(backends)
        _haproxy(backends)
        table("TLS oddities (`tls_servers.…`, b = a plaintext grpcio backend)", _one_by_one(tls_oddities(backends.h2c)))
        handshakes(backends.h2c)
        table("Servers that come one at a time", _one_by_one(single_servers()))
        servers_first_bytes()


INTRODUCTION = """# What the lab's servers answer

Made by `python -m tests.lab.observe`; do not edit by hand. The client is tests/lab/raw_client.py: preface, SETTINGS,
HEADERS and an empty message in one flight, ALPN h2, SNI localhost, the lab's root trusted. "same" = the same as for
SayHello. SETTINGS are hexadecimal id = decimal value. x-envoy-upstream-service-time is shown as <ms>. grpcio is the
installed one, in a process of its own (a deadline of 4 s), calling SayHello. `12×:` = so many of the connections."""


if __name__ == "__main__":
    main()
