"""WebSocket (RFC 6455) as a client has to speak it, sans I/O: the request to upgrade, and frames to and from bytes."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

LONGEST_MESSAGE: Final = 4 << 20
"""A kubelet sends at most 32 KiB at a time."""
_LONGEST_CONTROL: Final = 125  # RFC 6455 section 5.5
_SALT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_FINAL: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_NORMAL_CLOSURE: Final = (1000).to_bytes(2, "big")


class Opcode(IntEnum):
    """Section 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class NoWebSocketError(Exception):
    """The peer sent what no WebSocket server may send; the message says what."""


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message, or one control frame."""

    opcode: Opcode
    payload: bytes


def new_key() -> str:
    """A Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key: str) -> str:
    """The Sec-WebSocket-Accept that proves that the server understood."""
    return base64.b64encode(hashlib.sha1(key.encode() + _SALT, usedforsecurity=False).digest()).decode()


def upgrade_request(path: str, authority: str, key: str, protocols: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """The HTTP request that asks for a WebSocket."""
    fields = [
        ("Host", authority),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Protocol", protocols),
        *headers,
    ]
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """One final frame, masked as a client's must be (section 5.3)."""
    length = len(payload)
    if length <= _LONGEST_CONTROL:
        size = bytes((_MASKED | length,))
    elif length < 1 << 16:
        size = bytes((_MASKED | 126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((_MASKED | 127,)) + length.to_bytes(8, "big")
    key = os.urandom(4)
    return bytes((_FINAL | opcode,)) + size + key + _masked(payload, key)


def close_frame() -> bytes:
    return frame(Opcode.CLOSE, _NORMAL_CLOSURE)


def _masked(payload: bytes, key: bytes) -> bytes:
    """As one big number: byte by byte it would be the slowest part of a tunnel."""
    length = len(payload)
    repeated = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class Receiver:
    """Bytes of the server in, whole messages out. Holds at most one message."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun: Opcode | None = None
        self._parts = bytearray()

    def receive(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now. Raises NoWebSocketError."""
        self._buffer += data
        while (found := self._frame()) is not None:
            message = self._message(*found)
            if message is not None:
                yield message

    def _frame(self) -> tuple[Opcode, bool, bytes] | None:
        """(opcode, whether it is the last of its message, payload); None where more bytes are needed."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        opcode, last = _opcode_of(buffer[0])
        if buffer[1] & _MASKED:
            raise NoWebSocketError("a masked frame, which only clients send")
        start, length = 2, buffer[1]
        if length > _LONGEST_CONTROL:
            start += 2 if length == 126 else 8
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if length > LONGEST_MESSAGE or (opcode >= Opcode.CLOSE and (length > _LONGEST_CONTROL or not last)):
            raise NoWebSocketError(f"a {opcode.name} frame of {length} bytes")
        if len(buffer) < start + length:
            return None
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, last, payload

    def _message(self, opcode: Opcode, last: bool, payload: bytes) -> Message | None:
        """Puts fragments together (section 5.4); control frames may come between them."""
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        if (opcode is Opcode.CONTINUATION) is (self._begun is None):
            raise NoWebSocketError("fragments of a message out of order")
        begun = opcode if self._begun is None else self._begun
        if last and self._begun is None:
            return Message(begun, payload)
        self._parts += payload
        if len(self._parts) > LONGEST_MESSAGE:
            raise NoWebSocketError("a message without end")
        self._begun = None if last else begun
        if not last:
            return None
        whole = bytes(self._parts)
        self._parts.clear()
        return Message(begun, whole)


def _opcode_of(first: int) -> tuple[Opcode, bool]:
    if first & _RESERVED:
        raise NoWebSocketError("a frame with reserved bits, of an extension that was not asked for")
    try:
        return Opcode(first & 0x0F), bool(first & _FINAL)
    except ValueError:
        raise NoWebSocketError(f"a frame of the unknown type {first & 0x0F}") from None
