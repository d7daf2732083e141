"""The http2 probe: SETTINGS, fingerprint, PING, GOAWAY, and h2's opinion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grpcdoctor.model.facts.http2 import Http2Facts
from tests.lab import fakes
from tests.lab.interop import PROGRAMS, interop_server
from tests.probes.facts import facts_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy
    from tests.lab.gateway import Gateway
    from tests.lab.grpc_js import GrpcJsServer
    from tests.lab.grpc_server import GrpcServer


def test_a_grpcio_server_is_known_by_its_settings(grpcio_h2c: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_h2c.port), Http2Facts)
    assert facts.terminator == "grpc-c-core"
    assert facts.setting(6) == 16384
    assert facts.ping_ms is not None
    assert (facts.violation, facts.goaways) == (None, ())


@pytest.mark.parametrize("scenario", ["healthy-tls", "healthy-h2c"])
def test_envoy_is_known_by_its_settings(envoy: Envoy, scenario: str) -> None:
    facts = facts_of(diagnose(envoy.port(scenario), envoy.tls(scenario)), Http2Facts)
    assert facts.terminator == "envoy"
    assert facts.violation is None


def test_nginx_is_known_by_its_settings(nginx: Gateway) -> None:
    facts = facts_of(diagnose(nginx.port("healthy"), tls=True), Http2Facts)
    assert (facts.terminator, facts.violation) == ("nginx", None)


def test_haproxy_is_known_by_its_settings(haproxy: Gateway) -> None:
    facts = facts_of(diagnose(haproxy.port("healthy"), tls=True), Http2Facts)
    assert (facts.terminator, facts.violation) == ("haproxy", None)


def test_grpc_js_breaks_no_rule(grpc_js: GrpcJsServer) -> None:
    assert facts_of(diagnose(grpc_js.port, tls=True), Http2Facts).violation is None


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "tls"])
@pytest.mark.parametrize("streams", [0, 250])
def test_grpc_go_and_grpc_java_are_known_by_their_settings(program: str, tls: bool, streams: int) -> None:
    with interop_server(program, tls=tls, max_concurrent_streams=streams) as server:
        facts = facts_of(diagnose(server.port, tls), Http2Facts)
    assert (facts.terminator, facts.violation) == (program, None)
    assert facts.ping_ms is not None
    assert facts.setting(3) == (streams or {"grpc-go": None, "grpc-java": 2**31 - 1}[program])


def test_goaway_is_kept_with_code_and_debug_data() -> None:
    with fakes.goaway(11, debug=b"too_many_pings") as server:
        facts = facts_of(diagnose(server.port), Http2Facts)
    goaway = facts.goaways[0]
    assert (goaway.code, goaway.debug, goaway.before_any_answer) == (11, "too_many_pings", True)


def test_quick_sends_no_ping(grpcio_h2c: GrpcServer) -> None:
    assert facts_of(diagnose(grpcio_h2c.port, quick=True), Http2Facts).ping_ms is None
