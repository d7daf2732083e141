"""The client on the servers that most of the world runs: reflection, calls of every kind, metadata, statuses with their
details, compression."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.invoke import invoke
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.printing.proto_source import source_of
from grpcdoctor.client.requests import JsonRequests, reader_of
from grpcdoctor.client.status_details import details_of
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.client.doubles import Kept
from tests.client.interop.peers import GOOGLE_DETAILS, serving
from tests.lab.interop import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from grpcdoctor.client.call import Call, Channel
    from grpcdoctor.client.status import Status
    from tests.client.interop.peers import Peer

T = TypeVar("T")
SECONDS = 20.0


def ask(peer: Peer, question: Callable[[Channel, ReflectionSource], Awaitable[T]]) -> T:
    async def asked() -> T:
        channel = open_channel(ChannelOptions(target=parse_target(peer.address, plaintext=True)))
        try:
            return await question(channel, ReflectionSource(channel, (), Deadline.after(SECONDS)))
        finally:
            await channel.close()

    return asyncio.run(asyncio.wait_for(asked(), SECONDS))


@dataclass
class Answer(Kept):
    """What came of a call, and its details as JSON."""

    call: Call | None = None
    details: tuple[str, ...] = ()

    def started(self, call: Call) -> None:
        self.call = call

    @property
    def texts(self) -> list[str]:
        return [event[1] for event in self.told if event[0] == "message"]

    def told_of(self, kind: str) -> dict[str, str]:
        """The pairs of the last event of that kind that begin with x-."""
        pairs = next(event[-1] for event in reversed(self.told) if event[0] == kind)
        return {name: value for name, value in pairs if name.startswith("x-")}


def call(
    peer: Peer, method: str, *requests: str, metadata: tuple[tuple[str, str], ...] = (), compress: str | None = None
) -> tuple[Status, Answer]:
    async def called(channel: Channel, source: ReflectionSource) -> tuple[Status, Answer]:
        answer, types = Answer(), Types(source)
        given = JsonRequests(reader_of(" ".join(requests).encode()), types)
        name = f"kitchen.v1.{method}"
        status = await invoke(channel, source, name, given, metadata, answer, compress=compress)
        answer.details = await details_of(status, types)
        return status, answer

    return ask(peer, called)


def test_reflection_lists_and_describes(peer: Peer) -> None:
    async def described(_: Channel, source: ReflectionSource) -> tuple[list[str], str]:
        return await source.list_services(), source_of(await source.find_symbol("kitchen.v1.Script.BidiStream"))

    services, method = ask(peer, described)
    assert {"kitchen.v1.Echo", "kitchen.v1.Script", "lab.Greeter"} <= set(services)
    assert method == "rpc BidiStream ( stream .kitchen.v1.Plan ) returns ( stream .kitchen.v1.Note );"


def test_a_unary_call_gives_metadata_of_both_kinds_before_and_after_the_answer(peer: Peer) -> None:
    plan = """{"notes": [{"text": "é"}],
      "headers": [{"name": "x-text", "text": "before"}, {"name": "x-data-bin", "binary": "AAECAw=="}],
      "trailers": [{"name": "x-text", "text": "after"}, {"name": "x-data-bin", "binary": "//4="}]}"""
    status, answer = call(peer, "Script/Unary", plan)
    assert (status.code, answer.texts) == (0, ["é"])
    assert {name: unpadded(value) for name, value in answer.told_of("headers").items()} == {
        "x-text": "before", "x-data-bin": "AAECAw"}  # fmt: skip
    assert {name: unpadded(value) for name, value in answer.told_of("ended").items()} == {
        "x-text": "after", "x-data-bin": "//4"}  # fmt: skip


def unpadded(value: str) -> str:
    """Servers may leave the padding of base64 out (gRPC over HTTP/2, "Custom-Metadata")."""
    return value.rstrip("=")


def test_the_metadata_that_we_send_arrives(peer: Peer) -> None:
    data = base64.b64encode(bytes(range(8))).decode().rstrip("=")

    async def told(channel: Channel, source: ReflectionSource) -> list[tuple[str, str, bytes]]:
        answer, nothing = Received(), JsonRequests(reader_of(b""), Types(source))
        sent = (("x-one", "a b"), ("x-data-bin", data))
        await invoke(channel, source, "kitchen.v1.Script/Metadata", nothing, sent, answer)
        return answer.seen

    assert ask(peer, told) == [("x-data-bin", "", bytes(range(8))), ("x-one", "a b", b"")]


@dataclass
class Received(Kept):
    """The headers in a kitchen.v1.Received."""

    seen: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def message(self, message: Any, size: int) -> None:
        self.seen = [(each.name, each.text, each.binary) for each in message.headers]


def test_streams_in_every_direction(peer: Peer) -> None:
    a, b, twice = '{"notes": [{"text": "a"}]}', '{"notes": [{"text": "b"}]}', '{"notes": [{"text": "c"}], "repeat": 2}'
    assert call(peer, "Script/ServerStream", twice)[1].texts == ["c", "c"]
    assert call(peer, "Script/ClientStream", a, b, twice)[1].texts == ["a, b, c"]
    assert call(peer, "Script/BidiStream", a, b, twice)[1].texts == ["a", "b", "c", "c"]
    assert call(peer, "Script/BidiStream")[1].texts == []
    assert call(peer, "Script/ClientStream")[1].texts == [""]


@pytest.mark.parametrize("method", ["Unary", "ServerStream", "ClientStream", "BidiStream"])
def test_a_status_comes_with_its_details_and_trailers(peer: Peer, method: str) -> None:
    plan = f"""{{"failure": {{"code": 9, "message": "nö: 100%\\n", "details": [{peer.detail}]}},
      "trailers": [{{"name": "x-why", "text": "because"}}]}}"""
    status, answer = call(peer, f"Script/{method}", plan)
    assert (status.code, status.message) == (9, "nö: 100%\n")
    assert answer.details == ('{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}',)
    assert answer.told_of("ended") == {"x-why": "because"}
    assert answer.texts == []


@pytest.mark.parametrize("method", ["Unary", "ServerStream"])
def test_googles_error_details_are_read_whether_or_not_reflection_knows_them(peer: Peer, method: str) -> None:
    plan = f'{{"failure": {{"code": 3, "message": "m", "details": {peer.google_details}}}}}'
    status, answer = call(peer, f"Script/{method}", plan)
    assert (status.code, status.message) == (3, "m")
    assert [json.loads(each) for each in answer.details] == list(GOOGLE_DETAILS)


@pytest.mark.parametrize("method", ["Unary", "BidiStream"])
def test_a_status_without_details_has_none(peer: Peer, method: str) -> None:
    status, answer = call(peer, f"Script/{method}", '{"failure": {"code": 5, "message": "gone"}}')
    assert (status.code, status.message, status.details, answer.details) == (5, "gone", b"", ())


def test_a_status_after_messages_leaves_the_messages(peer: Peer) -> None:
    status, answer = call(
        peer, "Script/ServerStream", '{"notes": [{"text": "a"}], "failure": {"code": 14, "message": "x"}}'
    )
    assert (status.code, answer.texts) == (14, ["a"])


def test_compressed_requests_are_understood(peer: Peer) -> None:
    text = "z" * 20_000
    status, answer = call(peer, "Script/Unary", f'{{"notes": [{{"text": "{text}"}}]}}', compress="gzip")
    assert (status.code, answer.texts) == (0, [text])
    assert answer.call is not None
    assert answer.call.bytes_sent < 1000


@pytest.mark.parametrize("peer", PROGRAMS, indirect=True)  # grpc-js does not compress answers
@pytest.mark.parametrize("method", ["Unary", "ServerStream"])
def test_compressed_answers_are_read(peer: Peer, method: str) -> None:
    status, answer = call(peer, f"Script/{method}", '{"characters": 50000, "compression": "gzip"}')
    assert (status.code, answer.texts) == (0, ["x" * 50_000])
    assert answer.call is not None
    assert answer.call.bytes_received < 1000


@pytest.mark.parametrize("reflection", ["v1", "v1alpha"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_one_version_of_reflection_is_enough(program: str, reflection: str, tmp_path: Path) -> None:
    with serving(program, tmp_path, reflection=reflection) as running:
        status, answer = call(running, "Script/Unary", '{"notes": [{"text": "a"}]}')
    assert (status.code, answer.texts) == (0, ["a"])
