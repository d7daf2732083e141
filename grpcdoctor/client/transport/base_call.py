"""BaseCall: what calls of every protocol have in common: the queue of messages, the deadline, the end, the retry."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ConnectError
from grpcdoctor.client.transport.endings import EndedError, made_here
from grpcdoctor.client.transport.messages import Raw
from grpcdoctor.client.transport.signal import Signal
from grpcdoctor.model.codes import GrpcStatus, Http2Error

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status
    from grpcdoctor.client.transport.exchange import Exchange, Lost
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# grpc-go's default of maxRetryRPCBufferSize: what a call has sent is kept that far, to be sent again.
_REPLAY_LIMIT: Final = 256 * 1024
# A server may count a stream a little longer than its client, who has read the end of it already: where the streams
# that it allows are all in use, it can refuse a request more than once.
_CROWDED_TRIES: Final = 8
_CROWDED_PAUSE: Final = 0.01
"""Seconds before the second try; each further one waits twice as long."""
# Accounted for each message that waits, so that a flood of empty ones is held back too.
_PER_MESSAGE: Final = 5
CANCELLED_WORDS: Final = "context canceled"
DEADLINE_WORDS: Final = "context deadline exceeded"

Start = Callable[["BaseCall"], Awaitable["Exchange"]]
"""Begins an exchange of this call and notes its `sent_headers`. Raises ConnectError, EndedError."""


class BaseCall(ABC):
    """A Call (see client/call.py) and the Listener of its Exchange. Subclasses read the response."""

    def __init__(self, start: Start, deadline: Deadline | None) -> None:
        self.sent_headers: Headers = ()
        self.bytes_sent = 0
        self.bytes_received = 0
        self.status: Status | None = None
        self.trailers: Headers = ()
        self.foreign_headers: Headers = ()
        self.http_status: int | None = None
        """`:status`, once it came."""
        self.body_excerpt = ""
        """How the body of a response begins that is not of this protocol; "" otherwise."""
        self.held = 0
        self._start = start
        self._exchange: Exchange | None = None
        self._headers: Headers | None = None
        self._queue: deque[Raw] = deque()
        self._ending: Status | None = None
        self._change = Signal()
        self._sending_over = False
        self._replay: list[bytes] | None = []
        """What was sent, as long as it may have to be sent again; None once the server has begun to answer."""
        self._replayed = 0
        self._retry: asyncio.Task[None] | None = None
        self._tries = 0
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = deadline

    async def begin(self) -> None:
        """Put the request. Raises ConnectError; every other trouble is the call's status."""
        if self._deadline is not None:
            if self._deadline.expired:
                self._finish(made_here(GrpcStatus.DEADLINE_EXCEEDED, f"{DEADLINE_WORDS}: it was over before the call"))
                return
            self._timer = asyncio.get_running_loop().call_at(self._deadline.at, self._on_deadline)
        try:
            self._exchange = await self._start(self)
            if self._ending is not None:  # the deadline came meanwhile
                self._exchange.cancel(Http2Error.CANCEL)
        except EndedError as refused:
            self._finish(refused.status)
        except BaseException:
            self._stop_timer()
            raise

    # --- as a Call -----------------------------------------------------------------------------------------------

    async def send(self, payload: bytes) -> bool:
        """One message; waits for the peer's window. False where the call is over: nothing more is wanted."""
        if self._ending is not None or self._sending_over:
            return False
        data = self._frame(payload)
        exchange = await self._open_exchange()
        if exchange is None:
            return False
        self._remember(data)
        if not await exchange.send(data) and (self._ending is not None or self._exchange is exchange):
            return False  # otherwise it was lost, and this message goes out with the next attempt
        self.bytes_sent += len(data)
        return True

    async def close_sending(self) -> None:
        """No more requests: the half-close."""
        self._sending_over = True
        exchange = await self._open_exchange()
        if exchange is not None:
            exchange.end_sending()

    async def headers(self) -> Headers:
        """The response's headers; () where the call ended without any."""
        while self._headers is None and self._ending is None:
            await self._change.wait()
        return self._headers or ()

    async def receive(self) -> bytes | None:
        """The next message; None when the call is over, and then `status` says how."""
        while True:
            if self._queue:
                raw = self._queue.popleft()
                self.held -= len(raw[1]) + _PER_MESSAGE
                if self._exchange is not None:
                    self._exchange.took()
                try:
                    return self._open_message(raw)
                except EndedError as broken:
                    self._queue.clear()
                    self._finish(broken.status, overrule=True)
            if self._ending is not None:
                self.status = self._ending
                return None
            await self._change.wait()

    def cancel(self) -> None:
        """RST_STREAM CANCEL; the status becomes CANCELLED."""
        self._queue.clear()
        self._finish(made_here(GrpcStatus.CANCELLED, CANCELLED_WORDS))
        if self.status is None:
            self.status = self._ending

    # --- as a Listener -------------------------------------------------------------------------------------------

    @abstractmethod
    def on_headers(self, headers: Headers, end: bool) -> None: ...

    @abstractmethod
    def on_data(self, data: bytes) -> None: ...

    @abstractmethod
    def on_trailers(self, headers: Headers) -> None: ...

    @abstractmethod
    def on_end(self) -> None: ...

    def on_lost(self, lost: Lost) -> None:
        """A request that the server surely did not process is put once more, and oftener where it only lacks room."""
        if self._ending is not None:
            return
        if lost.unprocessed and self._tries < (_CROWDED_TRIES if lost.crowded else 1) and self._replay is not None:
            self._exchange = None
            if self._retry is not None:
                self._retry.cancel()
            self._retry = asyncio.get_running_loop().create_task(self._put_again(_pause_before(self._tries)))
            self._tries += 1
            return
        status = lost.status
        if status.code == GrpcStatus.CANCELLED and self._deadline is not None and self._deadline.expired:
            status = made_here(GrpcStatus.DEADLINE_EXCEEDED, status.message)  # as grpc-go: the server was first
        self._finish(status)

    # --- for subclasses ------------------------------------------------------------------------------------------

    @abstractmethod
    def _frame(self, payload: bytes) -> bytes:
        """A request message as it travels."""

    @abstractmethod
    def _open_message(self, raw: Raw) -> bytes:
        """A received message, decompressed. Raises EndedError."""

    def _enqueue(self, found: list[Raw]) -> None:
        for raw in found:
            self.held += len(raw[1]) + _PER_MESSAGE
        self._queue.extend(found)
        self._change.notify()

    def _committed(self) -> None:
        """The server answers: the call will not be put again."""
        self._replay = None

    def _finish(self, status: Status, trailers: Headers = (), overrule: bool = False) -> None:
        """The call is over once its queue is empty; what is left of the exchange is cancelled."""
        if self._ending is not None and not overrule:
            return
        self._ending = status
        self.trailers = trailers
        self._replay = None
        self._stop_timer()
        if self._retry is not None:
            self._retry.cancel()
        if self._exchange is not None:
            self._exchange.cancel(Http2Error.CANCEL)
        self._change.notify()

    # --- within --------------------------------------------------------------------------------------------------

    def _remember(self, data: bytes) -> None:
        self._replayed += len(data)
        if self._replay is not None:
            self._replay.append(data)
            if self._replayed > _REPLAY_LIMIT:
                self._replay = None

    async def _open_exchange(self) -> Exchange | None:
        while self._exchange is None and self._ending is None:
            await self._change.wait()
        return self._exchange if self._ending is None else None

    async def _put_again(self, pause: float) -> None:
        """Start anew and send again what was sent."""
        try:
            await asyncio.sleep(pause)
            exchange = await self._start(self)
        except EndedError as refused:
            self._retry = None
            self._finish(refused.status)
            return
        except ConnectError as failed:
            self._retry = None
            self._finish(made_here(GrpcStatus.UNAVAILABLE, str(failed)))
            return
        try:
            for data in self._replay or ():
                await exchange.send(data)
            if self._ending is None:
                self._exchange = exchange
                self._change.notify()
                if self._sending_over:
                    exchange.end_sending()
        finally:
            if self._exchange is not exchange:
                exchange.cancel(Http2Error.CANCEL)

    def _on_deadline(self) -> None:
        self._finish(made_here(GrpcStatus.DEADLINE_EXCEEDED, f"{DEADLINE_WORDS}: {self._progress()}"))

    def _progress(self) -> str:
        """How far the call had come."""
        if self._exchange is None:
            return "the request was not sent yet"
        if self._headers is None:
            return "the server did not answer in time"
        if not self.bytes_received:
            return "response headers came, but no message in time"
        return "the response was not complete in time"

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _pause_before(tries: int) -> float:
    """Seconds to wait before the next try, when there were so many: the first goes out at once (gRFC A6)."""
    return _CROWDED_PAUSE * 2 ** (tries - 1) if tries else 0.0
