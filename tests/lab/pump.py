"""Carries bytes between two sockets."""

from __future__ import annotations

import select
import ssl
from typing import TYPE_CHECKING

from tests.lab.fake_server import IDLE_SECONDS

if TYPE_CHECKING:
    import socket

_CHUNK = 65536


def pump(stream: socket.socket, inner: socket.socket) -> None:
    """Both ways, until either side ends. One thread does it, for an SSL object serves one at a time."""
    while True:
        waiting = isinstance(stream, ssl.SSLSocket) and stream.pending() > 0
        readable = [stream] if waiting else select.select([stream, inner], [], [], IDLE_SECONDS)[0]
        if not readable:
            return
        for source in readable:
            chunk = source.recv(_CHUNK)
            if not chunk:
                return
            (inner if source is stream else stream).sendall(chunk)
