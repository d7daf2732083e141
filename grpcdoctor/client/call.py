"""What the parts of the client know of each other: a Channel makes Calls, a DescriptorSource knows their types.

The protocols of this file are all that invocation, reflection and the commands build on; which wire protocol a Channel
speaks (gRPC, gRPC-Web, Connect) and where descriptors come from is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from google.protobuf.descriptor import (
        Descriptor,
        EnumDescriptor,
        EnumValueDescriptor,
        FieldDescriptor,
        FileDescriptor,
        MethodDescriptor,
        OneofDescriptor,
        ServiceDescriptor,
    )

    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

    AnyDescriptor = (
        Descriptor
        | EnumDescriptor
        | EnumValueDescriptor
        | FieldDescriptor
        | MethodDescriptor
        | OneofDescriptor
        | ServiceDescriptor
    )


class Call(Protocol):
    """One RPC, open for messages in both directions at once."""

    sent_headers: Headers
    """The metadata as it was sent, grpc-timeout included, pseudo-headers not."""
    bytes_sent: int
    """Of message data on the wire, prefixes included, as compressed."""
    bytes_received: int
    status: Status | None
    """None until the call is over."""
    trailers: Headers
    """Without grpc-status and grpc-message, as grpc-go leaves them out; `-bin` values, here and in the headers, are
    standard base64 with padding."""
    foreign_headers: Headers
    """Those of an answer that is not of this protocol: no metadata of the call, but they tell who answered."""

    async def send(self, payload: bytes) -> bool:
        """One message; waits for the peer's window. False where the call is over: nothing more is wanted."""
        ...

    async def close_sending(self) -> None:
        """No more requests: the half-close."""
        ...

    async def headers(self) -> Headers:
        """The response's headers without pseudo-headers, once they came; () for a trailers-only answer (whose
        content-type is then among the trailers, as with grpc-go) and where none came at all."""
        ...

    async def receive(self) -> bytes | None:
        """The next message, decompressed; None when the call is over, and then `status` says how. Never raises for what
        a peer does."""
        ...

    def cancel(self) -> None:
        """RST_STREAM CANCEL; the status becomes CANCELLED."""
        ...


class Channel(Protocol):
    """A connection to one target, made when the first call needs it and made anew when it was lost in between."""

    @property
    def connection(self) -> ConnectionFacts | None:
        """The one in use, or used last; None before there was one."""
        ...

    @property
    def streams_allowed(self) -> int | None:
        """How many calls at once the server allows on the connection in use; None where nothing is known of a limit."""
        ...

    async def connect(self, deadline: Deadline | None = None) -> None:
        """Connect now. Raises ConnectError."""
        ...

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
        """Start an RPC: `path` is /package.Service/Method; `-bin` metadata is base64 already; `compress` names a
        grpc-encoding for the requests. What streams matters to gRPC-Web and Connect only. Raises ConnectError where
        there is no connection to start it on, and ClientError for what the protocol cannot do."""
        ...

    async def close(self) -> None: ...


class DescriptorSource(Protocol):
    """Where descriptors come from: a server's reflection, files, or both.

    All descriptors of one source are linked in one pool, so that messages made of them know each other's types and
    their extensions. Every method raises SchemaError, NotFoundError where only the name is wrong, and RpcError or
    ConnectError where the server could not be asked.
    """

    async def list_services(self) -> list[str]:
        """Full names, in the order of whoever knows them."""
        ...

    async def find_symbol(self, name: str) -> AnyDescriptor:
        """A message, enum, service, method, field, extension, oneof or enum value by its full name."""
        ...

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        """Every known extension of this message, by number; loaded into the pool, so that messages parsed afterwards
        show them."""
        ...

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        """The files of these symbols and all that they import, dependencies first."""
        ...
