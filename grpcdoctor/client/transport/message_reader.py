"""MessageReader: length-prefixed messages cut from a body as it comes (gRPC over HTTP/2, "Length-Prefixed-Message")."""

from __future__ import annotations

from typing import Final

from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.endings import made_here
from grpcdoctor.model.codes import GrpcStatus

PREFIX: Final = 5

Raw = tuple[int, bytes]
"""(the prefix's flags, the message as it came)."""


class MessageError(Exception):
    """No message can be read any more; `status` is how the call ends."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


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
        """Add the messages that are complete now to `found`. Raises MessageError for one that is too large: before its
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
                    raise MessageError(_too_large(length, self._limit))
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


def _too_large(length: int, limit: int) -> Status:
    return made_here(GrpcStatus.RESOURCE_EXHAUSTED, f"grpc: received message larger than max ({length} vs. {limit})")
