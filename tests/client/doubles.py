"""Stand-ins for the client's parts: a channel whose peer is a script, a source of given descriptors, events kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.text_format import Parse

from grpcdoctor.client.errors import ClientError, NotFoundError
from grpcdoctor.client.status import Status

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.call import AnyDescriptor, Call
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

SECONDS = 5.0

SCHEMA = """
name: "t.proto" package: "t" syntax: "proto2"
message_type { name: "Text" field { name: "text" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
               extension_range { start: 100 end: 200 } }
message_type { name: "Wrap"
               field { name: "inner" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".t.Text" } }
service { name: "Talk"
  method { name: "Unary" input_type: ".t.Text" output_type: ".t.Text" }
  method { name: "Down" input_type: ".t.Text" output_type: ".t.Text" server_streaming: true }
  method { name: "Up" input_type: ".t.Text" output_type: ".t.Text" client_streaming: true }
  method { name: "Both" input_type: ".t.Wrap" output_type: ".t.Text" client_streaming: true server_streaming: true }
}
"""


class Source:
    """A DescriptorSource of SCHEMA."""

    def __init__(self, failure: ClientError | None = None) -> None:
        self.pool: Any = DescriptorPool()
        self.pool.Add(Parse(SCHEMA, FileDescriptorProto()))
        self.failure = failure
        self.extended: list[str] = []

    async def list_services(self) -> list[str]:
        return ["grpc.health.v1.Health", "t.Talk"]

    async def find_symbol(self, name: str) -> AnyDescriptor:
        if self.failure is not None:
            raise self.failure
        for find in (self.pool.FindServiceByName, self.pool.FindMessageTypeByName):
            try:
                found: AnyDescriptor = find(name)
            except KeyError:
                continue
            return found
        raise NotFoundError("Symbol", name)

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        self.extended.append(message)
        return []

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        return [self.pool.FindFileByName("t.proto")]

    def method(self, name: str) -> MethodDescriptor:
        found: MethodDescriptor = self.pool.FindServiceByName("t.Talk").methods_by_name[name]
        return found

    def text(self, text: str) -> bytes:
        from google.protobuf.message_factory import GetMessageClass

        message: Any = GetMessageClass(self.pool.FindMessageTypeByName("t.Text"))()
        message.text = text
        payload: bytes = message.SerializeToString()
        return payload


@dataclass
class ScriptedCall:
    """Answers with `responses`, then with the status, once `after` requests came (None: once there are no more)."""

    responses: list[bytes]
    end: Status = field(default_factory=lambda: Status(0))
    after: int | None = 0
    sent_headers: Headers = ()
    bytes_sent: int = 0
    bytes_received: int = 0
    status: Status | None = None
    trailers: Headers = ()
    foreign_headers: Headers = ()
    received: list[bytes] = field(default_factory=list)
    closed: bool = False
    cancelled: bool = False
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, payload: bytes) -> bool:
        await asyncio.sleep(0)
        if self.status is not None:
            return False
        self.received.append(payload)
        self.progress.set()
        return True

    async def close_sending(self) -> None:
        self.closed = True
        self.progress.set()

    async def headers(self) -> Headers:
        return (("x", "y"),)

    async def receive(self) -> bytes | None:
        while not (self.cancelled or self.closed or (self.after is not None and len(self.received) >= self.after)):
            await asyncio.wait_for(self.progress.wait(), SECONDS)
            self.progress.clear()
        if self.cancelled:
            self.status = Status(1)
        elif self.responses:
            return self.responses.pop(0)
        self.status = self.status or self.end
        self.trailers = (("z", "1"),)
        return None

    def cancel(self) -> None:
        self.cancelled = True
        self.progress.set()


@dataclass
class ScriptedChannel:
    answer: ScriptedCall
    calls: list[tuple[str, Headers]] = field(default_factory=list)
    connection: ConnectionFacts | None = None
    streams_allowed: int | None = None

    async def connect(self, deadline: Deadline | None = None) -> None: ...

    async def call(
        self,
        path: str,
        metadata: Headers = (),
        *,
        deadline: Deadline | None = None,
        compress: str | None = None,
        client_streaming: bool = False,
        server_streaming: bool = False,
    ) -> Call:
        self.calls.append((path, metadata))
        return self.answer

    async def close(self) -> None: ...


class Given:
    """Requests with these texts; `wait` after them instead of ending; an exception in their place is raised."""

    def __init__(self, *texts: str | ClientError, wait: bool = False) -> None:
        self.texts = list(texts)
        self.wait = wait
        self.count = 0

    async def next(self, kind: Descriptor) -> Message | None:
        from google.protobuf.message_factory import GetMessageClass

        if not self.texts:
            if self.wait:
                await asyncio.sleep(SECONDS)
            return None
        text = self.texts.pop(0)
        if isinstance(text, ClientError):
            raise text
        self.count += 1
        message: Any = GetMessageClass(kind)()
        if kind.name == "Text":
            message.text = text
        else:
            message.inner.text = text
        return message  # type: ignore[no-any-return]


@dataclass
class Kept:
    """Events as tuples, in the order in which they came."""

    told: list[tuple[Any, ...]] = field(default_factory=list)

    def resolved(self, method: MethodDescriptor) -> None:
        self.told.append(("resolved", method.full_name))

    def sending(self, metadata: Headers) -> None:
        self.told.append(("sending", metadata))

    def started(self, call: Call) -> None:
        self.told.append(("started",))

    def headers(self, headers: Headers) -> None:
        self.told.append(("headers", headers))

    async def message(self, message: Message, size: int) -> None:
        self.told.append(("message", getattr(message, "text", None), size))

    def ended(self, status: Status, trailers: Headers) -> None:
        self.told.append(("ended", status.code, trailers))

    def names(self) -> list[str]:
        return [event[0] for event in self.told]
