"""Length-prefixed messages: framed, cut from a body as it comes, and opened (gRPC over HTTP/2, "Requests")."""

from __future__ import annotations

from typing import Final

from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.compression import CompressionError, TooLargeError, compress, decompress, is_known
from grpcdoctor.client.transport.endings import EndedError, made_here
from grpcdoctor.client.transport.quoting import quote
from grpcdoctor.model.codes import GrpcStatus

PREFIX: Final = 5
_COMPRESSED: Final = 1

Raw = tuple[int, bytes]
"""(the prefix's flags, the message as it came)."""


class MessageReader:
    """Keeps one unfinished message at most, of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._needed = PREFIX
        """Bytes in the buffer before which nothing can be cut from it."""

    @property
    def unfinished(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes, found: list[Raw]) -> None:
        """Add the messages that are complete now to `found`. Raises EndedError for one that is too large: before its
        body is kept, with those before it in `found`."""
        self._buffer += data
        if len(self._buffer) < self._needed:
            return
        position, end = 0, len(self._buffer)
        view = memoryview(self._buffer)
        try:
            while end - position >= PREFIX:
                length = int.from_bytes(view[position + 1 : position + PREFIX], "big")
                if length > self._limit:
                    raise EndedError(too_large(length, self._limit))
                stop = position + PREFIX + length
                if stop > end:
                    self._needed = stop - position
                    break
                found.append((view[position], bytes(view[position + PREFIX : stop])))
                position = stop
            else:
                self._needed = PREFIX
        finally:
            view.release()
            del self._buffer[:position]


def too_large(length: int, limit: int) -> Status:
    """In grpc-go's words."""
    return made_here(GrpcStatus.RESOURCE_EXHAUSTED, f"grpc: received message larger than max ({length} vs. {limit})")


def frame_message(payload: bytes, encoding: str | None) -> bytes:
    """One message as it travels, compressed where an encoding is named."""
    if encoding is None:
        return b"\0" + len(payload).to_bytes(4, "big") + payload
    packed = compress(encoding, payload)
    return b"\1" + len(packed).to_bytes(4, "big") + packed


def open_message(raw: Raw, encoding: str, limit: int) -> bytes:
    """The payload, of at most `limit` bytes. Raises EndedError in grpc-go's words (rpc_util.go, checkRecvPayload)."""
    flags, data = raw
    if flags == 0:
        return data
    if flags != _COMPRESSED:
        raise _failed(f"grpc: received unexpected payload format {flags}")
    if encoding in ("", "identity"):
        raise _failed("grpc: compressed flag set with identity or empty encoding")
    if not is_known(encoding):
        raise _failed(f"grpc: Decompressor is not installed for grpc-encoding {quote(encoding)}")
    try:
        return decompress(encoding, data, limit)
    except TooLargeError as large:
        words = f"grpc: received message after decompression larger than max {limit}"
        raise _failed(words, GrpcStatus.RESOURCE_EXHAUSTED) from large
    except CompressionError as broken:
        raise _failed(f"grpc: failed to read decompressed data: {broken}") from broken


def _failed(words: str, code: GrpcStatus = GrpcStatus.INTERNAL) -> EndedError:
    return EndedError(made_here(code, words))
