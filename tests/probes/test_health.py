"""The health probe: Check of the whole server, and List."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.grpc import HealthFacts
from grpcdoctor.wire.messages import frame_message
from tests.lab.fake_http2 import GRPC
from tests.lab.fakes import http2
from tests.lab.grpc_server import grpc_server
from tests.probes.facts import facts_of
from tests.table.diagnose import diagnose, names

if TYPE_CHECKING:
    from tests.lab.fake_http2 import Http2Peer, Request
    from tests.lab.grpc_server import GrpcServer


def test_serving_and_not_serving(grpcio_h2c: GrpcServer) -> None:
    assert facts_of(diagnose(grpcio_h2c.port), HealthFacts).status == "SERVING"
    with grpc_server(status="NOT_SERVING") as server:
        assert facts_of(diagnose(server.port), HealthFacts).status == "NOT_SERVING"


def test_a_server_without_the_service_gives_no_status() -> None:
    with grpc_server(health=False) as server:
        facts = facts_of(diagnose(server.port), HealthFacts)
    assert facts.status is None
    assert facts.check is not None
    assert facts.check.grpc_status == 12


def test_list_is_asked_beside_it_but_not_in_quick(grpcio_h2c: GrpcServer) -> None:
    assert facts_of(diagnose(grpcio_h2c.port), HealthFacts).list is not None
    assert facts_of(diagnose(grpcio_h2c.port, quick=True), HealthFacts).list is None


def test_an_empty_message_without_a_status_is_no_health() -> None:
    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, [(":status", "200"), GRPC])
        peer.data(request.stream, frame_message(b""), end=True)

    with http2(respond) as server:
        report = diagnose(server.port)
    assert facts_of(report, HealthFacts).status is None
    assert names(report) == ["trailers-missing"]
