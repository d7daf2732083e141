"""A listening socket with a thread a connection: the floor under all fakes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Handler = Callable[[socket.socket, int], None]

IDLE_SECONDS = 30.0
"""No fake waits longer than this for its peer."""


@dataclass
class FakeServer:
    """The state of one fake: its port and how many connections it has seen."""

    host: str
    port: int
    connections: int = 0
    open: set[socket.socket] = field(default_factory=set)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


@contextlib.contextmanager
def serve(
    handler: Handler, tls: ssl.SSLContext | None = None, host: str = LOOPBACK, port: int = 0
) -> Iterator[FakeServer]:
    """Runs `handler(socket, connection number)` for each connection until the block ends, then closes them all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=256) as listener:
        fake = FakeServer(host, listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, fake, handler, tls), daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in list(fake.open):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)  # SSLSocket's own forgets that it is one


def _accept(listener: socket.socket, fake: FakeServer, handler: Handler, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        number, fake.connections = fake.connections, fake.connections + 1
        fake.open.add(connection)
        threading.Thread(target=_run, args=(connection, number, fake, handler, tls), daemon=True).start()


def _run(
    connection: socket.socket, number: int, fake: FakeServer, handler: Handler, tls: ssl.SSLContext | None
) -> None:
    stream = connection
    connection.settimeout(IDLE_SECONDS)
    try:
        with contextlib.suppress(OSError, EOFError, ValueError):  # ValueError: a socket closed under our hands
            if tls is not None:
                stream = tls.wrap_socket(connection, server_side=True)
                fake.open.add(stream)
            handler(stream, number)
    finally:
        hang_up(stream)
        fake.open.discard(connection)
        fake.open.discard(stream)
        stream.close()


def hang_up(stream: socket.socket) -> None:
    """Ends a connection with a FIN. Reads what the peer still sends, so that no RST overtakes our last bytes."""
    with contextlib.suppress(OSError, ValueError):
        stream.settimeout(0.5)
        if isinstance(stream, ssl.SSLSocket):
            stream.unwrap()
    with contextlib.suppress(OSError, ValueError):
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(65536):
            pass


def read_until_closed(stream: socket.socket) -> None:
    """Reads and forgets until the peer goes."""
    while stream.recv(65536):
        pass
