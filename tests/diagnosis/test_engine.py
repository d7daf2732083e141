"""The engine: budget, trouble, hops, the library's two entrances."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest

import grpcdoctor
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import TargetError
from grpcdoctor.wire.tls import ContextError
from tests.lab import fakes
from tests.patience import AT_ONCE
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy
    from tests.lab.grpc_server import GrpcServer


@pytest.mark.parametrize("tls", [True, False])
def test_the_budget_holds_whatever_the_peer_does(tls: bool) -> None:
    with fakes.silent() as server:
        started = monotonic()
        diagnose(server.port, tls, timeout=1.5)
    assert monotonic() - started < AT_ONCE


def test_the_async_twin_gives_the_same(grpcio_h2c: GrpcServer) -> None:
    target = f"grpc://127.0.0.1:{grpcio_h2c.port}"
    report = asyncio.run(grpcdoctor.probe_async(target))
    assert report.verdict is grpcdoctor.probe(target).verdict


def test_misuse_raises_and_the_network_never_does() -> None:
    with pytest.raises(TargetError):
        grpcdoctor.probe("ftp://a")
    with pytest.raises(ContextError, match="--cacert /nonexistent"), fakes.silent() as server:
        grpcdoctor.probe(f"127.0.0.1:{server.port}", ProbeOptions(cacert="/nonexistent"))


def test_the_first_hop_says_protocol_tls_and_who_decided(envoy: Envoy) -> None:
    hops = diagnose(envoy.port("healthy-tls"), tls=True).hops
    assert (hops[0].protocol, hops[0].tls) == ("h2", "TLSv1.3")
    assert hops[0].decided_by is not None
    assert (hops[0].decided_by.kind, hops[0].decided_by.value) == ("ALPN", "h2")
    assert hops[1].source.startswith("envoy")


def test_observations_are_in_the_order_of_the_ladder(grpcio_tls: GrpcServer) -> None:
    probes = [o.probe for o in diagnose(grpcio_tls.port, tls=True, host="localhost").observations]
    assert probes == ["dns", "tcp", "tls", "sni", "http2", "grpc", "health", "reflection"]


def test_a_trace_shows_every_frame_in_both_directions(grpcio_h2c: GrpcServer) -> None:
    trace = diagnose(grpcio_h2c.port, trace=True).trace
    assert {frame.direction for frame in trace} == {"sent", "received"}
    assert {"SETTINGS", "HEADERS", "DATA", "PING"} <= {frame.type for frame in trace}
    assert [frame.at_ms for frame in trace] == sorted(frame.at_ms for frame in trace)
    assert any("grpc-status: 12" in frame.detail for frame in trace)
