"""CallPrinter: a call's events as grpcurl prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.cli.grpcurl.headers import shown
from grpcdoctor.client.errors import FormatError

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.cli.grpcurl.console import Console
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.cli.grpcurl.formats import Writer
    from grpcdoctor.client.call import Call
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers


class CallPrinter:
    """InvocationEvents. Responses are printed as they come; with -v everything else in blocks, each behind a blank
    line."""

    def __init__(self, console: Console, flags: Flags, writer: Writer, types: Types) -> None:
        self.method: MethodDescriptor | None = None
        self.responses = 0
        self.answer: Headers = ()
        """The headers and trailers that came."""
        self._console = console
        self._flags = flags
        self._writer = writer
        self._types = types

    def resolved(self, method: MethodDescriptor) -> None:
        self.method = method
        if self._flags.verbosity:
            from grpcdoctor.client.printing.proto_source import source_of

            self._block("Resolved method descriptor", source_of(method))

    def sending(self, metadata: Headers) -> None:
        self._block("Request metadata to send", shown(metadata, self._flags.show_secrets))

    def started(self, call: Call) -> None:
        """grpcurl says nothing then."""

    def headers(self, headers: Headers) -> None:
        self.answer = headers
        self._block("Response headers received", shown(headers, self._flags.show_secrets))

    async def message(self, message: Message, size: int) -> None:
        self.responses += 1
        head = ""
        if self._flags.verbosity > 1:
            head += f"\nEstimated response size: {message.ByteSize()} bytes\n"
        if self._flags.verbosity:
            head += "\nResponse contents:\n"
        try:
            text = await self._writer.write(message, self._types)
        except FormatError as wrong:
            text = f"Failed to format response message {self.responses}: {wrong}"
        self._console.out(f"{head}{text}\n")

    def ended(self, status: Status, trailers: Headers) -> None:
        self.answer = (*self.answer, *trailers)
        self._block("Response trailers received", shown(trailers, self._flags.show_secrets))

    def summary(self, requests: int) -> None:
        if self._flags.verbosity:
            sent, received = _counted(requests, "request"), _counted(self.responses, "response")
            self._console.out(f"Sent {sent} and received {received}\n")

    def _block(self, title: str, text: str) -> None:
        if self._flags.verbosity:
            self._console.out(f"\n{title}:\n{text}\n")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
