"""An HTTP CONNECT proxy, as grpc_proxy and https_proxy name it.

with connect_proxy() as proxy:
    proxy.port, proxy.requests
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab.fake_server import serve
from tests.lab.pump import pump

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class ConnectProxy:
    """A running proxy."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    """The head of every request, as it came."""


@contextlib.contextmanager
def connect_proxy(refuse: str = "", send_to: tuple[str, int] | None = None) -> Iterator[ConnectProxy]:
    """Tunnels to where it is told, or to `send_to`; or answers every CONNECT with `refuse` ("403 Forbidden")."""
    proxy = ConnectProxy()

    def handler(stream: socket.socket, number: int) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = stream.recv(4096)
            if not chunk:
                return
            head += chunk
        proxy.requests.append(head.decode(errors="replace"))
        method, target, _ = head.split(b" ", 2)
        if refuse or method != b"CONNECT":
            answer = refuse or "405 Method Not Allowed"
            stream.sendall(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, _, port = target.decode().rpartition(":")
        with socket.create_connection(send_to or (host.strip("[]"), int(port)), timeout=5) as inner:
            stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(stream, inner)

    with serve(handler) as server:
        proxy.port = server.port
        yield proxy
