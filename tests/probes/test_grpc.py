"""The grpc probe: an unknown method as proof without a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.grpc import GrpcFacts
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy
    from tests.lab.grpc_server import GrpcServer


def test_a_real_server_answers_unimplemented(grpcio_h2c: GrpcServer) -> None:
    reply = facts_of(diagnose(grpcio_h2c.port), GrpcFacts).reply
    assert reply is not None
    assert (reply.http_status, reply.grpc_status, reply.grpc_message) == (200, 12, "Method not found!")
    assert reply.is_grpc
    assert reply.trailers_only


def test_behind_envoy_the_applications_answer_carries_its_time(envoy: Envoy) -> None:
    reply = facts_of(diagnose(envoy.port("healthy-h2c")), GrpcFacts).reply
    assert reply is not None
    assert reply.header("x-envoy-upstream-service-time") is not None
    assert reply.header("server") == "envoy"


def test_quick_does_not_ask(grpcio_h2c: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_h2c.port, quick=True), "grpc") is None
