"""What may listen in a pod at the end of a tunnel, each a talk over a plain socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.portforward import Tunnel
from grpcdoctor.wire.deadline import Deadline
from tests.lab.kube_api import TOKEN
from tests.lab.port_forward import CUT_AFTER

PORT = 50051
Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def in_the_pod(talk: Talk) -> Iterator[int]:
    """A server that has this talk with everybody who comes; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                talk(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def answer_at_the_end(connection: socket.socket) -> None:
    """Says how much came, when no more comes."""
    size = 0
    while data := connection.recv(65536):
        size += len(data)
    connection.sendall(f"{size} bytes".encode() + b"." * 100_000)


def answer_http(connection: socket.socket) -> None:
    """Like Envoy's admin port: an answer as soon as the head of a request is there, slowly."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(20):
        time.sleep(0.005)
        connection.sendall(b"x" * 10_000)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"y" * CUT_AFTER)
    echo(connection)


def tunnel(connection: Connection, name: str = "greeter-0", seconds: float = 5, port: int = PORT) -> Tunnel:
    return Tunnel.open(connection, "prod", name, port, Deadline.after(seconds))


def refusal(connection: Connection, name: str = "greeter-0", seconds: float = 5) -> PortForwardError:
    """Why no tunnel opens."""
    with pytest.raises(PortForwardError) as refused:
        tunnel(connection, name, seconds)
    assert TOKEN not in refused.value.text
    assert "\n" not in refused.value.text
    return refused.value
