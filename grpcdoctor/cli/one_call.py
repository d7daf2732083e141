"""One call: made, recorded, printed while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.cli.call_printing import TextPrinter
    from grpcdoctor.client.call import Call, Channel
    from grpcdoctor.client.call_record import CallRecord
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.invoke import Requests
    from grpcdoctor.wire.streams import Headers


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls of one method; each is told to `printer` and written into its record."""

    channel: Channel
    method: MethodDescriptor
    metadata: Headers
    types: Types
    write: Callable[[Message], str]
    """A message as text. Raises TypeNeededError."""
    printer: TextPrinter

    async def make(self, record: CallRecord, requests: Requests) -> None:
        """Raises ConnectError, RequestError, RpcError, FormatError; and CancelledError when the record is complete."""
        from grpcdoctor.client.invoke import call_method
        from grpcdoctor.wire.deadline import Deadline

        events = _Events(record, self)
        record.started = monotonic()
        deadline = None if record.deadline_seconds is None else Deadline.after(record.deadline_seconds)
        recorded = _Recorded(requests, record, self)
        try:
            await call_method(
                self.channel, self.method, recorded, self.metadata, events,
                deadline=deadline, compress=record.compression,
            )  # fmt: skip
        except asyncio.CancelledError:
            record.status = Status(GrpcStatus.CANCELLED, "interrupted", from_peer=False)
            raise
        finally:
            events.close()
        await self._decode_details(record)

    async def _decode_details(self, record: CallRecord) -> None:
        if record.status is None or not record.status.details:
            return
        from grpcdoctor.client.status_details import details_of

        record.details = await details_of(record.status, self.types)


class _Recorded:
    """Requests that are taken note of."""

    def __init__(self, requests: Requests, record: CallRecord, caller: Caller) -> None:
        self.count = 0
        self._requests = requests
        self._record = record
        self._caller = caller

    async def next(self, kind: Descriptor) -> Message | None:
        message = await self._requests.next(kind)
        self.count = self._requests.count
        if message is not None:
            record = self._record
            text = await _text(self._caller, message) if record.requests.wanted else ""
            record.requests.add(text)
        return message


class _Events:
    """What comes of the call (InvocationEvents), into its record and to the printer."""

    def __init__(self, record: CallRecord, caller: Caller) -> None:
        self._record = record
        self._caller = caller
        self._call: Call | None = None

    def resolved(self, method: MethodDescriptor) -> None: ...

    def sending(self, metadata: Headers) -> None:
        self._record.sent_headers = metadata

    def started(self, call: Call) -> None:
        self._call = call
        self._record.sent_headers = call.sent_headers
        self._record.connection = self._caller.channel.connection
        self._caller.printer.connected(self._record.connection)
        self._caller.printer.started(self._record)

    def headers(self, headers: Headers) -> None:
        self._record.headers = headers
        if headers:
            self._first_byte()
            self._caller.printer.headers(self._record)

    async def message(self, message: Message, size: int) -> None:
        self._first_byte()
        text = await _text(self._caller, message)
        self._record.responses.add(text)
        self._caller.printer.message(self._record, text, size)

    def ended(self, status: Status, trailers: Headers) -> None:
        self._record.status = status
        self._record.trailers = trailers
        if status.from_peer:
            self._first_byte()

    def close(self) -> None:
        record = self._record
        record.total_ms = record.elapsed_ms()
        if self._call is not None:
            record.bytes_sent, record.bytes_received = self._call.bytes_sent, self._call.bytes_received

    def _first_byte(self) -> None:
        if self._record.first_byte_ms is None:
            self._record.first_byte_ms = self._record.elapsed_ms()


async def _text(caller: Caller, message: Message) -> str:
    """Nearly always all types are known, and settling costs a closure a message."""
    return await caller.types.settle(lambda: caller.write(message))
