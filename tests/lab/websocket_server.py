"""The server's side of RFC 6455, over a blocking socket: enough to be an API server for a client under test.

Written apart from the client's side in grpcdoctor/cluster/live/websocket.py, so that each is a witness of the other.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_header(key: str) -> str:
    """Sec-WebSocket-Accept for a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


def server_frame(opcode: int, payload: bytes, final: bool = True, masked: bool = False, reserved: int = 0) -> bytes:
    """A frame, well-formed unless told otherwise."""
    head = (0x80 if final else 0) | reserved | opcode
    mask_bit = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        size = struct.pack(">B", mask_bit | length)
    elif length < 65536:
        size = struct.pack(">BH", mask_bit | 126, length)
    else:
        size = struct.pack(">BQ", mask_bit | 127, length)
    return bytes([head]) + size + (b"\0\0\0\0" if masked else b"") + payload


class ServerSocket:
    """An upgraded connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, opcode: int, payload: bytes) -> None:
        """One whole message."""
        self.connection.sendall(server_frame(opcode, payload))

    def receive(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame. EOFError at the end; a client's frame that is not masked is an error."""
        first, second = self._exactly(2)
        assert second & 0x80, "a client must mask its frames"
        assert first & 0x80, "this client has no reason to send fragments"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._exactly(8))
        key = self._exactly(4)
        masked = self._exactly(length)
        return first & 0x0F, bytes(byte ^ key[index % 4] for index, byte in enumerate(masked))

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self.connection.recv(size - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found
