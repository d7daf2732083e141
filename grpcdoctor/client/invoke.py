"""Calls a method of any kind: requests in, events out. Prints nothing, and knows no format.

    await invoke(channel, source, "package.Service/Method", requests, metadata, events)

What happens when is grpcurl's: a unary or server-streaming method gets its one request once all request data is read;
a client-streaming one is sent each request as it is read; a bidirectional one besides hands out each response as it
comes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from grpcdoctor.client.errors import FormatError, RequestError, RpcError
from grpcdoctor.client.formats.completeness import check_complete_inside
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.metadata import trouble_with
from grpcdoctor.client.methods import find_method
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.call import Call, Channel, DescriptorSource
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# grpc-go's words (stream.go, recvMsg) for a method with a single response that gets none, or more.
_NO_RESPONSE: Final = "cardinality violation: received no response message from non-server-streaming RPC"
_MORE_RESPONSES: Final = (
    "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message"
)


class SurplusRequestError(RequestError):
    """More than one request for a method that takes one."""


class Requests(Protocol):
    """The messages of a call, one after the other."""

    count: int
    """How many were read so far, one that could not be understood included."""

    async def next(self, kind: Descriptor) -> Message | None:
        """The next one, of this type; None at the end. Raises RequestError."""
        ...


class InvocationEvents(Protocol):
    """What comes of a call, told in this order."""

    def resolved(self, method: MethodDescriptor) -> None: ...

    def sending(self, metadata: Headers) -> None:
        """The user's metadata, before anything is sent."""
        ...

    def started(self, call: Call) -> None:
        """The call is under way. Not told where the metadata cannot be sent."""
        ...

    def headers(self, headers: Headers) -> None:
        """() where none came."""
        ...

    async def message(self, message: Message, size: int) -> None:
        """A response, as soon as it is there; `size` is that of its uncompressed bytes."""
        ...

    def ended(self, status: Status, trailers: Headers) -> None: ...


async def invoke(
    channel: Channel,
    source: DescriptorSource,
    name: str,
    requests: Requests,
    metadata: Headers,
    events: InvocationEvents,
    *,
    deadline: Deadline | None = None,
    compress: str | None = None,
) -> Status:
    """Find the method that `name` means and call it; the status with which the call ended.

    Raises MethodNameError, MethodNotFoundError, SchemaError, RpcError (of reflection), RequestError, ConnectError.
    """
    method = await find_method(source, name)
    events.resolved(method)
    return await call_method(channel, method, requests, metadata, events, deadline=deadline, compress=compress)


async def call_method(
    channel: Channel,
    method: MethodDescriptor,
    requests: Requests,
    metadata: Headers,
    events: InvocationEvents,
    *,
    deadline: Deadline | None = None,
    compress: str | None = None,
) -> Status:
    """Call a method that was found already.

    Raises RequestError, ConnectError, and RpcError where the deadline passed before the requests were read.
    """
    events.sending(metadata)
    if not method.client_streaming:
        requests = await _read_in_time(_only_request(method, requests), deadline)
    trouble = trouble_with(metadata)
    if trouble is not None:
        return _refused(trouble, events)
    path = f"/{method.containing_service.full_name}/{method.name}"
    call = await channel.call(
        path,
        metadata,
        deadline=deadline,
        compress=compress,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
    )
    try:
        events.started(call)
        return await _converse(call, method, requests, events)
    finally:
        if call.status is None:
            call.cancel()


async def _converse(call: Call, method: MethodDescriptor, requests: Requests, events: InvocationEvents) -> Status:
    """Requests out and responses in at once, until the call is over."""
    sending = asyncio.ensure_future(_send_all(call, method.input_type, requests))
    try:
        if not method.client_streaming:
            await sending  # whoever waits for an answer has said all, for gRPC-Web and Connect
        return await _receive_all(call, method, sending, events)
    finally:
        sending.cancel()


def _refused(trouble: str, events: InvocationEvents) -> Status:
    """As grpc-go ends a call whose metadata cannot be sent: nothing reaches the server."""
    status = Status(GrpcStatus.INTERNAL, trouble, from_peer=False)
    events.headers(())
    events.ended(status, ())
    return status


class _Single:
    """The one request that was read ahead."""

    count = 1

    def __init__(self, message: Message) -> None:
        self._left: Message | None = message

    async def next(self, kind: Descriptor) -> Message | None:
        message, self._left = self._left, None
        return message


async def _only_request(method: MethodDescriptor, requests: Requests) -> _Single:
    """Without any request data, an empty message."""
    from google.protobuf.message_factory import GetMessageClass

    first = await requests.next(method.input_type)
    if first is None:
        return _Single(GetMessageClass(method.input_type)())
    if await requests.next(method.input_type) is not None:
        kind = "server-streaming" if method.server_streaming else "unary"
        raise SurplusRequestError(
            f'method "{method.full_name}" is a {kind} RPC, but request data contained more than 1 message'
        )
    return _Single(first)


async def _read_in_time(reading: Awaitable[_Single], deadline: Deadline | None) -> _Single:
    if deadline is None:
        return await reading
    try:
        return await deadline.wait(reading)
    except TimeoutError:
        late = "the deadline passed before the end of the request data"
        raise RpcError(Status(GrpcStatus.DEADLINE_EXCEEDED, late, from_peer=False)) from None


async def _send_all(call: Call, kind: Descriptor, requests: Requests) -> None:
    """Until there are no more, or the server wants no more. A request that cannot be read ends the call."""
    try:
        while (message := await requests.next(kind)) is not None:
            if not await call.send(message.SerializePartialToString()):
                return
        await call.close_sending()
    except RequestError:
        call.cancel()
        raise


async def _receive_all(
    call: Call, method: MethodDescriptor, sending: asyncio.Future[None], events: InvocationEvents
) -> Status:
    headers = await call.headers()
    if method.server_streaming or not method.client_streaming:
        events.headers(headers)
    if method.server_streaming:
        status = await _receive_stream(call, method.output_type, events)
        _raise_for_requests(sending)
    else:
        status, response, size = await _receive_single(call, method.output_type)
        _raise_for_requests(sending)
        if method.client_streaming:
            events.headers(headers)  # only now: where the requests end the call there is no answer
        if response is not None:
            await events.message(response, size)
    events.ended(status, call.trailers)
    return status


def _raise_for_requests(sending: asyncio.Future[None]) -> None:
    """Raises what was wrong with a request."""
    if sending.done() and not sending.cancelled():
        sending.result()


async def _receive_stream(call: Call, kind: Descriptor, events: InvocationEvents) -> Status:
    while (payload := await call.receive()) is not None:
        message = _parse(kind, payload)
        if isinstance(message, Status):
            return message
        await events.message(message, len(payload))
    return _status_of(call)


async def _receive_single(call: Call, kind: Descriptor) -> tuple[Status, Message | None, int]:
    """The response, with the size of its bytes, counts only where the call ends well behind it."""
    payload = await call.receive()
    if payload is None:
        status = _status_of(call)
        return (Status(GrpcStatus.INTERNAL, _NO_RESPONSE, from_peer=False) if status.ok else status), None, 0
    message = _parse(kind, payload)
    if isinstance(message, Status):
        return message, None, 0
    if await call.receive() is not None:
        return Status(GrpcStatus.INTERNAL, _MORE_RESPONSES, from_peer=False), None, 0
    status = _status_of(call)
    return status, (message if status.ok else None), len(payload)


def _parse(kind: Descriptor, payload: bytes) -> Message | Status:
    """The status is grpc-go's for bytes that are no such message."""
    try:
        message: Message = decode(kind, payload)
        check_complete_inside(message)
    except (FormatError, RequestError) as broken:
        words = f"grpc: failed to unmarshal the received message: {broken}"
        return Status(GrpcStatus.INTERNAL, words, from_peer=False)
    return message


def _status_of(call: Call) -> Status:
    assert call.status is not None, "a call without a next message is over"
    return call.status
