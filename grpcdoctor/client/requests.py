"""Requests read from text while it comes: JSON values one after the other, or messages in protobuf's text format."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import RequestError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types

Read = Callable[[], Awaitable[bytes]]
"""What came next; b"" at the end, and whenever it is asked again. May raise OSError."""

# ASCII's "record separator", as grpcurl has it between messages in the text format.
RECORD_SEPARATOR: Final = b"\x1e"


def reader_of(data: bytes) -> Read:
    """Reads what is there already."""
    left = [data]

    async def read() -> bytes:
        return left.pop() if left else b""

    return read


class JsonRequests:
    """Each JSON value is a request. `count`: the values that were read."""

    def __init__(self, read: Read, types: Types, *, allow_unknown: bool = False) -> None:
        from grpcdoctor.client.formats.json_values import JsonValues

        self.count = 0
        self._read = read
        self._types = types
        self._allow_unknown = allow_unknown
        self._values = JsonValues()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    async def next(self, kind: Descriptor) -> Message | None:
        value = await self._next_value()
        if value is None:
            return None
        self.count += 1
        return await self._types.settle(lambda: self._message(kind, value))

    async def _next_value(self) -> str | None:
        while (value := self._values.take()) is None:
            piece = await _bytes_from(self._read)
            self._values.feed(self._decoder.decode(piece, final=not piece))
            if not piece:
                self._values.end()
                return self._values.take()
        return value

    def _message(self, kind: Descriptor, value: str) -> Message:
        from google.protobuf.message_factory import GetMessageClass

        from grpcdoctor.client.formats.json_reader import read_json

        message: Message = GetMessageClass(kind)()
        read_json(value, message, self._types, allow_unknown=self._allow_unknown, start=self._values.start)
        return message


class TextRequests:
    """Requests in the text format, separated by RECORD_SEPARATOR. No text at all is one empty message, and so is what
    follows a separator at the end."""

    def __init__(self, read: Read, types: Types) -> None:
        self.count = 0
        self._read = read
        self._types = types
        self._pieces: list[bytes] = []
        self._ended = False

    async def next(self, kind: Descriptor) -> Message | None:
        if self._ended:
            return None
        text = (await self._next_record()).decode("utf-8", "replace")
        self.count += 1
        return await self._types.settle(lambda: self._message(kind, text))

    async def _next_record(self) -> bytes:
        """What was read behind the separator stays for the next one."""
        found = self._pieces.pop() if self._pieces else b""
        waiting: list[bytes] = []
        while RECORD_SEPARATOR not in found:
            waiting.append(found)
            found = await _bytes_from(self._read)
            if not found:
                self._ended = True
                return b"".join(waiting)
        record, _, rest = found.partition(RECORD_SEPARATOR)
        self._pieces.append(rest)
        return b"".join((*waiting, record))

    def _message(self, kind: Descriptor, text: str) -> Message:
        from google.protobuf.message_factory import GetMessageClass

        from grpcdoctor.client.formats.text_reader import read_text

        message: Message = GetMessageClass(kind)()
        read_text(text, message, self._types)
        return message


async def _bytes_from(read: Read) -> bytes:
    try:
        return await read()
    except OSError as failed:
        raise RequestError(f"the request data cannot be read: {failed.strerror or failed}") from failed
