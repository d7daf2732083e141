"""HTTP/2 frames: cut from the bytes before any engine can swallow them, built, and put into words (RFC 9113 §4, §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from grpcdoctor.model.codes import FrameType, Http2Error, Setting, name_of

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_LENGTH: Final = 9
# The least that every peer takes, and the most unless SETTINGS_MAX_FRAME_SIZE says more (RFC 9113 §4.2).
MAX_FRAME_SIZE: Final = 16384

_SETTINGS_SHOWN: Final = 32

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY_FLAG: Final = 0x20

_FLAG_NAMES: Final[dict[int, tuple[tuple[int, str], ...]]] = {
    FrameType.DATA: ((END_STREAM, "END_STREAM"), (PADDED, "PADDED")),
    FrameType.HEADERS: (
        (END_STREAM, "END_STREAM"),
        (END_HEADERS, "END_HEADERS"),
        (PADDED, "PADDED"),
        (PRIORITY_FLAG, "PRIORITY"),
    ),
    FrameType.SETTINGS: ((ACK, "ACK"),),
    FrameType.PING: ((ACK, "ACK"),),
    FrameType.CONTINUATION: ((END_HEADERS, "END_HEADERS"),),
    FrameType.PUSH_PROMISE: ((END_HEADERS, "END_HEADERS"), (PADDED, "PADDED")),
}


class FrameError(Exception):
    """Bytes that break the framing for good; the message says how, with the section of RFC 9113."""


class Frame(NamedTuple):
    """One frame, not interpreted."""

    type: int
    flags: int
    stream_id: int
    payload: bytes

    def encode(self) -> bytes:
        head = len(self.payload).to_bytes(3, "big") + bytes((self.type, self.flags))
        return head + self.stream_id.to_bytes(4, "big") + self.payload

    @property
    def end_stream(self) -> bool:
        return bool(self.flags & END_STREAM)

    @property
    def type_name(self) -> str:
        return name_of(FrameType, self.type)

    @property
    def flag_names(self) -> tuple[str, ...]:
        return tuple(name for bit, name in _FLAG_NAMES.get(self.type, ()) if self.flags & bit)


class FrameSplitter:
    """Bytes in, frames out; keeps at most one unfinished frame. `largest` is our SETTINGS_MAX_FRAME_SIZE."""

    def __init__(self, largest: int = MAX_FRAME_SIZE) -> None:
        self._largest = largest
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises FrameError on a frame that is too large, after those before it."""
        buffer: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            buffer = self._buffer
        frames: list[Frame] = []
        position, end = 0, len(buffer)
        while end - position >= HEADER_LENGTH:
            length = int.from_bytes(buffer[position : position + 3], "big")
            if length > self._largest:
                if not frames:
                    raise FrameError(f"a frame of {length} bytes where {self._largest:,} is the most (RFC 9113 §4.2)")
                break  # the next feed raises
            stop = position + HEADER_LENGTH + length
            if stop > end:
                break
            stream_id = int.from_bytes(buffer[position + 5 : position + 9], "big") & 0x7FFFFFFF
            payload = bytes(buffer[position + HEADER_LENGTH : stop])
            frames.append(Frame(buffer[position + 3], buffer[position + 4], stream_id, payload))
            position = stop
        if buffer is self._buffer:
            del self._buffer[:position]
        else:
            self._buffer += data[position:]
        return frames

    @property
    def unfinished(self) -> bytes:
        return bytes(self._buffer)


def settings(values: dict[int, int]) -> Frame:
    payload = b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items())
    return Frame(FrameType.SETTINGS, 0, 0, payload)


SETTINGS_ACK: Final = Frame(FrameType.SETTINGS, ACK, 0, b"")


def window_update(stream_id: int, increment: int) -> Frame:
    return Frame(FrameType.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def rst_stream(stream_id: int, code: int) -> Frame:
    return Frame(FrameType.RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def goaway() -> Frame:
    """NO_ERROR; no stream of the peer's was processed, for it opens none."""
    return Frame(FrameType.GOAWAY, 0, 0, bytes(8))


def read_settings(payload: bytes) -> tuple[tuple[int, int], ...]:
    return tuple(
        (int.from_bytes(payload[i : i + 2], "big"), int.from_bytes(payload[i + 2 : i + 6], "big"))
        for i in range(0, len(payload) - 5, 6)
    )


def unpad(frame: Frame) -> bytes:
    """The payload without padding and, in HEADERS, without the priority fields. Raises FrameError."""
    payload = frame.payload
    if frame.flags & PADDED:
        if not payload or payload[0] >= len(payload):
            raise FrameError(f"{frame.type_name} with more padding than payload (RFC 9113 §6.1)")
        payload = payload[1 : len(payload) - payload[0]]
    if frame.type == FrameType.HEADERS and frame.flags & PRIORITY_FLAG:
        if len(payload) < 5:
            raise FrameError("HEADERS too short for its priority fields (RFC 9113 §6.2)")
        payload = payload[5:]
    return payload


def in_words(frame: Frame) -> str:
    """The payload for a person; header blocks are decoded by whoever holds the HPACK state."""
    describe = _WORDS.get(frame.type)
    return describe(frame) if describe is not None else f"{len(frame.payload)} bytes"


def _settings_words(frame: Frame) -> str:
    if frame.flags & ACK:
        return ""
    shown = read_settings(frame.payload[: 6 * _SETTINGS_SHOWN])
    more = len(frame.payload) // 6 - len(shown)
    words = ", ".join(f"{name_of(Setting, key)}={value}" for key, value in shown)
    return words + (f" … and {more} more" if more else "")


def _goaway_words(frame: Frame) -> str:
    last = int.from_bytes(frame.payload[:4], "big") & 0x7FFFFFFF
    code = name_of(Http2Error, int.from_bytes(frame.payload[4:8], "big"))
    debug = frame.payload[8:].decode("utf-8", "replace")
    return f"{code} last_stream_id={last}" + (f" debug={debug!r}" if debug else "")


def _reset_words(frame: Frame) -> str:
    return name_of(Http2Error, int.from_bytes(frame.payload[:4], "big"))


def _window_words(frame: Frame) -> str:
    return f"+{int.from_bytes(frame.payload[:4], 'big') & 0x7FFFFFFF}"


def _data_words(frame: Frame) -> str:
    shown = frame.payload[:24]
    return f"{len(frame.payload)} bytes {shown.hex(' ')}{'…' if len(frame.payload) > len(shown) else ''}"


_WORDS: Final[dict[int, Callable[[Frame], str]]] = {
    FrameType.SETTINGS: _settings_words,
    FrameType.GOAWAY: _goaway_words,
    FrameType.RST_STREAM: _reset_words,
    FrameType.WINDOW_UPDATE: _window_words,
    FrameType.PING: lambda frame: frame.payload.hex(),
    FrameType.DATA: _data_words,
}
