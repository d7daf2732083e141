"""Port-forward as kubelets answer it (v4.channel.k8s.io), to real ports of this machine, or wrong in one way.

A pod's port is a local one: `api.pod_ports["prod", "greeter-0", 50051] = server.port`. Any other is refused, as by a
pod in which nothing listens.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from typing import TYPE_CHECKING

from tests.lab.processes import LOOPBACK
from tests.lab.websocket_server import BINARY, CLOSE, PING, TEXT, ServerSocket, accept_header, server_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.server import BaseHTTPRequestHandler

V4 = "v4.channel.k8s.io"
V5 = "v5.channel.k8s.io"
DATA, ERROR, END_OF_CHANNEL = 0, 1, 255
IDLE_SECONDS = 30
CUT_AFTER = 1000
"""Bytes of the pod's answer, for the fault "cut"."""
_CHUNK = 32 * 1024


def upgrade(handler: BaseHTTPRequestHandler, speaks: tuple[str, ...] = (V4,)) -> tuple[ServerSocket, str] | None:
    """Answers 101 with the first protocol of the client's that this server speaks; None where it asks for none."""
    offered = [word.strip() for word in handler.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = next((word for word in offered if word in speaks), None)
    if handler.headers.get("Upgrade", "").lower() != "websocket" or chosen is None:
        return None
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_header(handler.headers['Sec-WebSocket-Key'])}",
        f"Sec-WebSocket-Protocol: {chosen}",
    ]
    handler.connection.sendall("\r\n".join([*lines, "", ""]).encode())
    handler.close_connection = True
    return ServerSocket(handler.connection), chosen


def forward(stream: ServerSocket, protocol: str, port: int, local_port: int | None, way: str = "") -> None:
    """Serves one port until either side ends, in the way of this fault."""
    number = struct.pack("<H", port)
    with contextlib.suppress(OSError, EOFError):
        if way in MISBEHAVIOURS:
            MISBEHAVIOURS[way](stream, number)
            return
        for channel in (DATA, ERROR):
            stream.send(BINARY, bytes([channel]) + number)
        try:
            pod = socket.create_connection((LOOPBACK, local_port or 1), timeout=IDLE_SECONDS)
        except OSError:
            stream.send(BINARY, bytes([ERROR]) + refusal(port).encode())
            stream.send(CLOSE, struct.pack(">H", 1000))
            return
        with pod:
            _carry(stream, protocol, pod, CUT_AFTER if way == "cut" else None)


def refusal(port: int) -> str:
    """containerd's words for a port at which nothing listens."""
    return (
        f"error forwarding port {port} to pod 9d3f2a, uid : failed to execute portforward in network namespace "
        f'"/var/run/netns/cni-5d0f": failed to connect to localhost:{port} inside namespace "9d3f2a", IPv4: '
        f"dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6: address localhost: "
        "no suitable address found"
    )


def _carry(stream: ServerSocket, protocol: str, pod: socket.socket, cut_after: int | None) -> None:
    """One thread for both ways, for an SSL object serves one at a time."""
    sent = 0
    watched = select.poll()
    watched.register(stream.connection, select.POLLIN)
    watched.register(pod, select.POLLIN)
    while True:
        waiting = isinstance(stream.connection, ssl.SSLSocket) and stream.connection.pending() > 0
        ready = [stream.connection.fileno()] if waiting else [fd for fd, _ in watched.poll(IDLE_SECONDS * 1000)]
        if not ready:
            return
        if stream.connection.fileno() in ready and not _to_pod(stream, protocol, pod):
            return
        if pod.fileno() in ready:
            data = pod.recv(_CHUNK)
            if not data:
                stream.send(CLOSE, struct.pack(">H", 1000))
                return
            sent += len(data)
            stream.send(BINARY, bytes([DATA]) + data)
            if cut_after is not None and sent >= cut_after:
                return


def _to_pod(stream: ServerSocket, protocol: str, pod: socket.socket) -> bool:
    """Hands on one message of the client's; false at the end."""
    opcode, payload = stream.receive()
    if opcode == CLOSE:
        return False
    if opcode == BINARY and payload[:1] == bytes([DATA]):
        pod.sendall(payload[1:])
    if protocol == V5 and payload == bytes([END_OF_CHANNEL, DATA]):
        pod.shutdown(socket.SHUT_WR)
    return True


def _sending(*frames: Callable[[bytes], bytes] | bytes) -> Callable[[ServerSocket, bytes], None]:
    """Sends these, made of the port's number where they are callable, and waits for the client to go."""

    def misbehave(stream: ServerSocket, number: bytes) -> None:
        for each in frames:
            stream.connection.sendall(each(number) if callable(each) else each)
        stream.receive()

    return misbehave


def _greeting(number: bytes) -> bytes:
    return b"".join(server_frame(BINARY, bytes([channel]) + number) for channel in (DATA, ERROR))


def _dropped(stream: ServerSocket, number: bytes) -> None:
    stream.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _pinging(stream: ServerSocket, number: bytes) -> None:
    """Pings, fragments a message, and ends in order once the pong is there."""
    stream.connection.sendall(_greeting(number))
    stream.send(PING, b"are you there")
    opcode, payload = stream.receive()
    while payload != b"are you there":
        opcode, payload = stream.receive()
    stream.connection.sendall(server_frame(BINARY, bytes([DATA]) + b"po", final=False))
    stream.send(PING, b"")
    stream.connection.sendall(server_frame(0, f"ng {opcode}".encode()))
    stream.send(CLOSE, struct.pack(">H", 1000))
    with contextlib.suppress(EOFError):
        while stream.receive()[0] != CLOSE:
            pass


MISBEHAVIOURS: Mapping[str, Callable[[ServerSocket, bytes], None]] = {
    "text": _sending(_greeting, server_frame(TEXT, b"\0hello")),
    "masked": _sending(_greeting, server_frame(BINARY, b"\0hello", masked=True)),
    "reserved-bits": _sending(_greeting, server_frame(BINARY, b"\0hello", reserved=0x40)),
    "unknown-type": _sending(_greeting, server_frame(5, b"")),
    "huge": _sending(_greeting, b"\x82\x7f" + struct.pack(">Q", 1 << 62)),
    "long-ping": _sending(_greeting, server_frame(PING, b"x" * 126)),
    "stray-fragment": _sending(_greeting, server_frame(0, b"\0hello")),
    "endless-message": _sending(
        _greeting, server_frame(BINARY, b"\0", final=False), *(server_frame(0, b"x" * (1 << 20), final=False),) * 5
    ),
    "no-port": _sending(server_frame(BINARY, b"\0hello")),
    "wrong-port": _sending(server_frame(BINARY, b"\0" + struct.pack("<H", 1))),
    "channel-7": _sending(_greeting, server_frame(BINARY, b"\7hello")),
    "empty": _sending(_greeting, server_frame(BINARY, b"")),
    "no-frames": _sending(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20),
    "reset": _dropped,
    "pinging": _pinging,
}
