"""Port-forward: a way to a pod's port through the API server, as `kubectl port-forward` goes it.

    with Tunnel.open(connection, "prod", "greeter-0", 50051, deadline) as tunnel:
        tunnel.socket()                      # one connection to the port
    with Forwarder(connection, "prod", "greeter-0", 50051) as forwarder:
        dial(*forwarder.address)             # as many as are dialled

What is reached is the port inside the pod, from the pod's own loopback: past the mesh's mTLS and policies, and past
every gateway. Nothing of the client library's own port-forward is used: it patches the client that it is given, which
other threads may be using, knows no half-close and no time-out, and prints tracebacks.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar
from urllib.parse import quote

from grpcdoctor.cluster.live.access import Access
from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.relay import PROTOCOLS, Relay
from grpcdoctor.cluster.live.upgrade import Opened, open_websocket
from grpcdoctor.wire.deadline import Deadline

HANDSHAKE_SECONDS: Final = 10.0
TUNNELS_AT_ONCE: Final = 64
"""Of one Forwarder; who dials more often waits."""
_SECONDS_TO_TIDY_UP: Final = 2.0
_LOOPBACK: Final = "127.0.0.1"
T = TypeVar("T")
PortOfPod = tuple[str, str, int]
"""Namespace, pod, port."""


class _Worker:
    """A thread with an event loop of its own: who opened a tunnel may block, or run a loop that he also blocks."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, __: None)  # a tunnel's end is told by its error, not on stderr
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._under_way: set[Future[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        started = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._under_way.add(started)  # a loop's own references to its tasks are weak: a tunnel would be collected
        started.add_done_callback(self._under_way.discard)
        return started

    def close(self, server: asyncio.Server | None = None) -> None:
        """Stops listening, cancels what is under way, closes its sockets, ends the thread."""
        if self._loop.is_closed():
            return
        self.start(_end_all(server)).add_done_callback(
            lambda _: self._loop.call_soon_threadsafe(self._loop.stop)
        )
        self._thread.join(_SECONDS_TO_TIDY_UP)
        if not self._thread.is_alive():
            self._loop.close()


class Tunnel:
    """One connection to one port of one pod."""

    def __init__(self, worker: _Worker, local: socket.socket, failures: list[PortForwardError]) -> None:
        self._worker = worker
        self._local = local
        self._failures = failures

    @classmethod
    def open(cls, connection: Connection, namespace: str, pod: str, port: int, deadline: Deadline) -> Tunnel:
        """Raises PortForwardError. That the port refuses shows only later, in `error`: the tunnel stands by then."""
        access = _access(connection)
        worker = _Worker(f"port-forward {namespace}/{pod}:{port}")
        ours, theirs = socket.socketpair()
        stands: Future[None] = Future()
        failures: list[PortForwardError] = []
        try:
            opening = _open(access, (namespace, pod, port), deadline)
            worker.start(_tunnel(opening, port, theirs, stands, failures))
            stands.result()
        except BaseException:
            worker.close()
            ours.close()
            theirs.close()
            raise
        return cls(worker, ours, failures)

    def socket(self) -> socket.socket:
        """Connected to the port; the tunnel's own, closed with it. Its end may be an error: see `error`."""
        return self._local

    @property
    def error(self) -> PortForwardError | None:
        """Why the tunnel ended, where it did not end in order; known by the time that the socket has ended."""
        return self._failures[0] if self._failures else None

    def close(self) -> None:
        self._worker.close()
        self._local.close()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Forwarder:
    """Listens on loopback, and opens a tunnel of its own for each connection that comes."""

    def __init__(
        self, connection: Connection, namespace: str, pod: str, port: int, seconds: float = HANDSHAKE_SECONDS
    ) -> None:
        """`seconds`: for the handshake of each tunnel. Raises PortForwardError where nothing can be asked at all."""
        self._access = _access(connection)
        self._pod: PortOfPod = (namespace, pod, port)
        self._seconds = seconds
        self._failures: list[PortForwardError] = []
        self._slots = asyncio.Semaphore(TUNNELS_AT_ONCE)
        self._serving: set[asyncio.Task[None] | None] = set()
        self._worker = _Worker(f"port-forward {namespace}/{pod}:{port}")
        try:
            self._server = self._worker.start(asyncio.start_server(self._serve, _LOOPBACK, 0)).result()
        except BaseException:
            self._worker.close()
            raise
        self.address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        """To be dialled; each time is a new tunnel."""

    @property
    def failures(self) -> tuple[PortForwardError, ...]:
        """Of all tunnels so far: who dialled saw only that a connection was closed."""
        return tuple(self._failures)

    def close(self) -> None:
        self._worker.close(self._server)

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to its end."""
        task: asyncio.Task[None] | None = asyncio.current_task()
        self._serving.add(task)  # see _Worker.start
        try:
            async with self._slots:
                opened = await _open(self._access, self._pod, Deadline.after(self._seconds))
                await Relay(opened, self._pod[2], (reader, writer)).run()
        except PortForwardError as failed:
            self._failures.append(failed)
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()
            self._serving.discard(task)


async def _open(access: Access, at: PortOfPod, deadline: Deadline) -> Opened:
    namespace, pod, port = at
    path = f"/api/v1/namespaces/{quote(namespace, '')}/pods/{quote(pod, '')}/portforward?ports={port}"
    return await open_websocket(access, path, PROTOCOLS, deadline)


async def _tunnel(
    opening: Coroutine[Any, Any, Opened],
    port: int,
    local: socket.socket,
    stands: Future[None],
    failures: list[PortForwardError],
) -> None:
    """A Tunnel's whole life; `stands` is done when the handshake is."""
    try:
        opened = await opening
    except BaseException as failed:
        local.close()
        stands.set_exception(failed)
        return
    try:
        reader, writer = await asyncio.open_connection(sock=local)
        stands.set_result(None)
        try:
            await Relay(opened, port, (reader, writer)).run()
        except PortForwardError as failed:
            failures.append(failed)
        finally:
            writer.close()
    finally:
        opened.writer.transport.abort()


async def _end_all(server: asyncio.Server | None) -> None:
    if server is not None:
        server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_SECONDS_TO_TIDY_UP / 2)
    await asyncio.sleep(0)  # transports that were aborted close their sockets in the next round


def _access(connection: Connection) -> Access:
    try:
        return connection.access()
    except OSError as failed:  # ssl.SSLError is one; it names no content
        raise PortForwardError("unreachable", f"the kubeconfig's certificates cannot be used: {failed}") from None
