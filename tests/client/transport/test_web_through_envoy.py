"""gRPC-Web through a real Envoy with the grpc_web filter, which also speaks its text form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.options import Protocol
from grpcdoctor.wire.deadline import Deadline
from tests.client.transport.calls import HEALTH, SECONDS, SERVING, Answer, answer_of, on_channel

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy

pytestmark = pytest.mark.needs("envoy")

LIST_SERVICES = b"\x3a\x00"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@pytest.fixture(params=[Protocol.GRPC_WEB, Protocol.GRPC_WEB_TEXT], ids=lambda protocol: protocol.value)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.param
    return found


def through(envoy: Envoy, protocol: Protocol, version: str, **call: Any) -> Answer:
    target = f"grpc://127.0.0.1:{envoy.port('grpc-web')}"
    return on_channel(target, lambda channel: answer_of(channel, **call), protocol=protocol, http_version=version)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_call(envoy: Envoy, protocol: Protocol, version: str) -> None:
    answer = through(envoy, protocol, version)
    assert (answer.words, answer.messages) == ("OK", [SERVING])
    assert dict(answer.headers)["content-type"].startswith(f"application/{protocol.value}")


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_an_error(envoy: Envoy, protocol: Protocol, version: str) -> None:
    assert through(envoy, protocol, version, path="/no.Such/Method").words == "UNIMPLEMENTED: Method not found!"
    assert through(envoy, protocol, version, requests=(b"\x0a\x04nope",)).status.name == "NOT_FOUND"


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_an_answer_that_comes_by_and_by(envoy: Envoy, protocol: Protocol, version: str) -> None:
    """The text form is padded after each piece that Envoy sends on."""
    watched = through(envoy, protocol, version, path="/grpc.health.v1.Health/Watch", seconds=2.0)
    assert (watched.status.name, watched.messages) == ("DEADLINE_EXCEEDED", [SERVING])
    answer = through(envoy, protocol, version, path=REFLECTION, requests=(LIST_SERVICES,))
    assert answer.words == "OK"
    assert b"grpc.health.v1.Health" in answer.messages[0]


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_schemas_come_by_reflection(envoy: Envoy, protocol: Protocol, version: str) -> None:
    async def body(channel: Any) -> tuple[list[str], str]:
        source = ReflectionSource(channel, (), Deadline.after(SECONDS))
        return await source.list_services(), (await source.find_symbol("lab.Greeter")).name

    target = f"grpc://127.0.0.1:{envoy.port('grpc-web')}"
    services, found = on_channel(target, body, protocol=protocol, http_version=version)
    assert (found, "lab.Greeter" in services) == ("Greeter", True)


def test_a_message_larger_than_allowed(envoy: Envoy, protocol: Protocol) -> None:
    async def body(channel: Any) -> Answer:
        return await answer_of(channel, HEALTH)

    target = f"grpc://127.0.0.1:{envoy.port('grpc-web')}"
    answer = on_channel(target, body, protocol=protocol, max_message_bytes=1)
    assert answer.words.startswith("RESOURCE_EXHAUSTED: grpc: received message larger than max (")


def test_without_the_filter_the_upstream_does_not_understand(envoy: Envoy, protocol: Protocol) -> None:
    target = f"grpc://127.0.0.1:{envoy.port('healthy-h2c')}"
    answer = on_channel(target, answer_of, protocol=protocol)
    assert not answer.status.ok
    assert not answer.status.from_peer or answer.status.message
