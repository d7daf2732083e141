"""GrpcioCall: a call through grpcio, whose blocking interface runs in threads of the call's own.

grpcio's asyncio interface would be simpler, but where a server ends a call while a request is being written, it tells
INTERNAL "Internal error from Core" instead of the status that the server sent.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.base_call import CANCELLED_WORDS
from grpcdoctor.client.transport.endings import made_here
from grpcdoctor.client.transport.messages import PREFIX
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from grpcdoctor.wire.streams import Headers

T = TypeVar("T")
_DETAILS: Final = "grpc-status-details-bin"
# One may wait for the headers while another waits for a message.
_THREADS: Final = 2


class GrpcioCall:
    """See client/call.py; headers that grpcio adds or hides (content-type, grpc-timeout) are not told."""

    def __init__(self, start: Callable[[Iterable[bytes]], Any], sent_headers: Headers) -> None:
        """`start` makes grpcio's call, given the iterator of its requests."""
        self.sent_headers = sent_headers
        self.bytes_sent = 0
        self.bytes_received = 0
        self.status: Status | None = None
        self.trailers: Headers = ()
        self.foreign_headers: Headers = ()
        self._requests = _Requests()
        self._threads = ThreadPoolExecutor(_THREADS, "grpcio-call")
        self._call = start(self._requests)
        if not self._call.add_callback(self._requests.end):
            self._requests.end()  # it is over already

    async def send(self, payload: bytes) -> bool:
        """One message; False where the call is over: nothing more is wanted."""
        if not self._requests.ended:
            await self._requests.wanted()
        if self._requests.ended:
            return False
        self._requests.put(payload)
        self.bytes_sent += len(payload) + PREFIX
        return True

    async def close_sending(self) -> None:
        self._requests.end()

    async def headers(self) -> Headers:
        return from_grpcio(await self._blocking(self._call.initial_metadata))

    async def receive(self) -> bytes | None:
        """The next message; None when the call is over, and then `status` says how."""
        if self.status is not None:
            return None
        message = await self._blocking(self._next)
        if message is None:
            self._end()
            return None
        self.bytes_received += len(message) + PREFIX
        return message

    def cancel(self) -> None:
        self._call.cancel()
        self._requests.end()
        if self.status is None:
            self.status = made_here(GrpcStatus.CANCELLED, CANCELLED_WORDS)

    def _next(self) -> bytes | None:
        from grpc import RpcError

        try:
            return next(self._call, None)
        except RpcError:
            return None

    async def _blocking(self, ask: Callable[[], T]) -> T:
        """Whoever is cancelled while waiting gives up the call, or its thread would wait on."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except asyncio.CancelledError:
            self.cancel()
            raise

    def _end(self) -> None:
        if self.status is not None:  # cancelled meanwhile
            return
        self.trailers = from_grpcio(self._call.trailing_metadata())
        details = next((value for name, value in self.trailers if name == _DETAILS), "")
        self.status = Status(self._call.code().value[0], self._call.details() or "", base64.b64decode(details))


class _Requests:
    """The iterator that grpcio takes requests from, in a thread of its own: the next when the peer has room for it."""

    def __init__(self) -> None:
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Semaphore(0)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> bytes:
        self._wake()
        request = self._queue.get()
        if request is None:
            raise StopIteration
        return request

    def wanted(self) -> Awaitable[bool]:
        """Wait until grpcio takes another, or the call is over."""
        return self._asked.acquire()

    def put(self, request: bytes) -> None:
        self._queue.put(request)

    def end(self) -> None:
        """There are no more; also told, by any thread, when the call is over."""
        self.ended = True
        self._queue.put(None)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._asked.release)


def to_grpcio(name: str, value: str) -> tuple[str, str | bytes]:
    """grpcio wants `-bin` values as bytes."""
    if not name.endswith("-bin"):
        return name, value
    try:
        return name, base64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return name, value.encode()


def from_grpcio(metadata: Iterable[tuple[str, str | bytes]] | None) -> Headers:
    return tuple(
        (str(name), base64.b64encode(value).decode() if isinstance(value, bytes) else value)
        for name, value in metadata or ()
    )
