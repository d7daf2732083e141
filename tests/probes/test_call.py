"""The call probe: the user's own call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grpcdoctor.model.facts.grpc import CallFacts
from grpcdoctor.probes.call import split_method
from tests.lab.grpc_server import grpc_server
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.grpc_server import GrpcServer


@pytest.mark.parametrize("text", ["a.b.C/D", "/a.b.C/D", "a.b.C.D"])
def test_a_method_may_be_written_in_both_ways(text: str) -> None:
    assert split_method(text) == ("a.b.C", "D")


def test_the_response_is_json(grpcio_h2c: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_h2c.port, call="lab.Greeter/SayHello", data='{"name": "x"}'), CallFacts)
    assert (facts.schema, facts.response) == ("reflection", {"message": "Hello, x!"})


def test_a_server_stream_is_read_to_its_end(grpcio_h2c: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_h2c.port, call="lab.Greeter/Count", data='{"limit": 3}'), CallFacts)
    assert facts.reply is not None
    assert (facts.reply.messages, facts.reply.grpc_status) == (3, 0)


def test_data_that_does_not_fit_is_said_and_no_call_is_made(grpcio_h2c: GrpcServer) -> None:
    for data in ('{"nome": "x"}', "{", "[]", '{"name": 5}'):
        facts = facts_of(diagnose(grpcio_h2c.port, call="lab.Greeter/SayHello", data=data), CallFacts)
        assert facts.reply is None
        assert "lab.HelloRequest" in (facts.error or "")


def test_reflection_v1_serves_the_schema_too() -> None:
    with grpc_server(reflection="v1") as server:
        facts = facts_of(diagnose(server.port, call="lab.Greeter/SayHello"), CallFacts)
    assert facts.response == {"message": "Hello, world!"}


def test_quick_makes_the_call_too(grpcio_h2c: GrpcServer) -> None:
    facts = facts_of(
        diagnose(grpcio_h2c.port, call="lab.Greeter/SayHello", data='{"name": "q"}', quick=True), CallFacts
    )
    assert facts.response == {"message": "Hello, q!"}


def test_without_call_nothing_is_called(grpcio_h2c: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_h2c.port), "call") is None
