"""Every attack over a real socket: an answer within the budget, no bug of ours, memory bounded, nothing loud shown."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

import grpcdoctor
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import field
from tests.hostile.attackers import ATTACKS, RAW, attacking
from tests.hostile.screens import assert_safe
from tests.lab import fakes
from tests.lab.certificates import Certificates
from tests.lab.fake_http2 import GRPC, Http2Peer, Request
from tests.lab.fake_server import serve
from tests.lab.grpc_server import GrpcServer
from tests.patience import AT_ONCE
from tests.wire.peers import Server

if TYPE_CHECKING:
    from tests.lab.fake_http2 import Respond

pytestmark = pytest.mark.slow

BUDGET = 1.5
"""Seconds for one target, besides the grace of a run, which is one more; what is far above it is a hang."""
MEMORY = 96 << 20


def probed(port: int, tls: bool = False, **options: object) -> Report:
    settings = ProbeOptions(timeout=BUDGET, second_opinion=False, trace=True, **options)  # type: ignore[arg-type]
    gc.collect()
    before, started = psutil.Process().memory_info().rss, time.monotonic()
    report = grpcdoctor.probe(f"{'grpcs' if tls else 'grpc'}://127.0.0.1:{port}", settings)
    assert time.monotonic() - started < BUDGET + AT_ONCE
    assert psutil.Process().memory_info().rss - before < MEMORY
    assert_safe(report)
    return report


def http2_of(report: Report) -> Http2Facts:
    return next(o.facts for o in report.observations if isinstance(o.facts, Http2Facts))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_in_http2_costs_no_more_than_its_budget(name: str) -> None:
    with attacking(ATTACKS[name]) as server:
        report = probed(server.port)
    assert report.verdict.value != "healthy" or name in ("absurd_settings", "huge_headers")


@pytest.mark.parametrize("tls", [False, True], ids=["asked in clear", "asked with TLS"])
@pytest.mark.parametrize("name", RAW)
def test_bytes_of_any_kind_are_survived(name: str, tls: bool) -> None:
    pieces, pause = RAW[name]
    with attacking(lambda _: pieces, greet=False, pause=pause) as server:
        assert probed(server.port, tls=tls).verdict.value != "healthy"


@pytest.mark.parametrize(
    "name", ["endless_data", "endless_ping", "endless_settings", "hpack_bomb", "countless_services"]
)
def test_an_attack_inside_tls_is_survived_too(name: str, certificates: Certificates) -> None:
    with _over_tls(name, certificates) as server:
        report = probed(server.port, tls=True, cacert=str(certificates.ca))
    assert report.verdict.value != "healthy"


def _over_tls(name: str, certificates: Certificates) -> fakes.Fake:
    def handler(stream: socket.socket, number: int) -> None:
        peer = Server()
        stream.sendall(peer.settings())
        stream.recv(65536)
        time.sleep(0.05)
        for data in ATTACKS[name](peer):
            stream.sendall(data)
        while stream.recv(65536):
            pass

    return serve(handler, tls=certificates.server_context(alpn=["h2"]))


def test_garbage_behind_a_good_handshake_is_told(certificates: Certificates) -> None:
    def handler(stream: socket.socket, number: int) -> None:
        assert isinstance(stream, ssl.SSLSocket)
        raw = socket.socket(fileno=stream.detach())
        raw.sendall(b"\x17\x03\x03\x40\x00" + bytes(16384))
        raw.close()

    with serve(handler, tls=certificates.server_context(alpn=["h2"])) as server:
        assert probed(server.port, tls=True, cacert=str(certificates.ca)).verdict.value != "healthy"


@pytest.mark.parametrize("code", [*range(17), 255, 2**31, 2**32 - 1])
def test_a_goaway_of_every_code_is_reported(code: int) -> None:
    with fakes.goaway(code, b"\x1b[31mloud\x00\xff") as server:
        report = probed(server.port)
    assert http2_of(report).goaways[0].code == code
    assert report.first_cause is not None


def test_a_healthy_server_whose_bytes_come_one_by_one_is_healthy(grpcio_h2c: GrpcServer) -> None:
    def forward(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def handler(stream: socket.socket, number: int) -> None:
        with socket.create_connection(("127.0.0.1", grpcio_h2c.port)) as inner:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=forward, args=(stream, inner), daemon=True).start()
            while byte := inner.recv(1):
                stream.sendall(byte)
                time.sleep(0.0005)

    with serve(handler) as server:
        report = probed(server.port)
    assert report.verdict.value == "healthy"


TERMINAL = "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x9b2J \u202eesrever \x00\x08"


def test_escape_sequences_of_a_peer_reach_no_terminal_from_any_field() -> None:
    name = "x-\x1b[5m"
    with fakes.http2_answer(503, {"server": TERMINAL, name: "v", "location": TERMINAL}, f"<html>{TERMINAL}") as server:
        report = probed(server.port, call="a.B/C")
    assert report.first_cause is not None
    with fakes.grpc_answer(14, TERMINAL) as server:
        probed(server.port, call="a.B/C")
    with fakes.http1(
        "200 \x1b[31mOK", {"Server": TERMINAL.encode().decode("latin-1"), "X\x1b": "y"}, TERMINAL
    ) as server:
        probed(server.port)
    with fakes.says(TERMINAL.encode() + b"\r\n") as server:
        probed(server.port)


def test_half_a_million_services_hold_up_nobody() -> None:
    listing = frame_message(field(6, b"\x0a\x00" * 500_000))
    statuses = frame_message(b"\x0a\x00" * 500_000)

    def respond(peer: Http2Peer, request: Request) -> None:
        body = listing if "reflection" in request.path else statuses
        peer.headers(request.stream, [(":status", "200"), GRPC])
        for start in range(0, len(body), 16384):
            peer.data(request.stream, body[start : start + 16384])
        peer.headers(request.stream, [("grpc-status", "0")], end=True)

    with fakes.http2(respond) as server:
        assert probed(server.port).duration_ms < (BUDGET + AT_ONCE) * 1000


def test_escape_sequences_in_service_names_reach_no_terminal() -> None:
    listing = frame_message(field(6, field(1, field(1, TERMINAL.encode())) + field(1, field(1, b"\xff\xfe"))))
    failure = frame_message(field(7, field(2, TERMINAL.encode())))

    def answer(body: bytes) -> Respond:
        def respond(peer: Http2Peer, request: Request) -> None:
            peer.headers(request.stream, [(":status", "200"), GRPC])
            peer.data(request.stream, body)
            peer.headers(request.stream, [("grpc-status", "0")], end=True)

        return respond

    for body in (listing, failure):
        with fakes.http2(answer(body)) as server:
            probed(server.port)
