"""Http2Connection: one HTTP/2 connection over a Duplex; many questions at once, each with its own deadline."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.codes import Http2Error, Setting
from grpcdoctor.wire import frames
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.first_bytes import Heard, enough_to_tell
from grpcdoctor.wire.frame_log import FrameListener
from grpcdoctor.wire.http2 import Http2Client
from grpcdoctor.wire.http_stream import HttpStream
from grpcdoctor.wire.limits import PROBING, Limits
from grpcdoctor.wire.stream import Duplex
from grpcdoctor.wire.streams import Headers, Stream

if TYPE_CHECKING:
    from grpcdoctor.model.facts.http2 import FirstBytes, Http2Facts

_FOR_EVER: Final = Deadline(float("inf"))
_PING_PAYLOAD: Final = b"grpcdoc1"
# Once the first byte is there, the rest of a frame header or text line follows at once or never.
_PATIENCE_FOR_MORE: Final = 0.25


class Http2Connection:
    """`open` speaks the preface and looks at the first bytes; then `ask`, `start` and `ping`; `abort` in the end."""

    def __init__(self, duplex: Duplex, listener: FrameListener | None = None, limits: Limits = PROBING) -> None:
        self.duplex = duplex
        self.client = Http2Client(listener, limits)
        self._limits = limits
        self.heard: Heard | None = None
        """What came first; None before `open`."""
        self.closed_by_peer = False
        self.reset_by_peer = False
        self.tls_error: ssl.SSLError | None = None
        self.heard_at = 0.0
        """When the last bytes came, on the monotonic clock."""
        self._pump: asyncio.Task[None] | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._received = 0
        self._to_push: list[HttpStream] = []
        self._flush_due = False
        self.bug: Exception | None = None
        """Ours, met while digesting what came: raised to whoever asks, so that it shows."""

    async def open(self, deadline: Deadline, listen_first: float = 0.0) -> Heard:
        """Send the preface and tell what answers; never raises for what a peer does.

        `listen_first`: seconds to wait for the peer's first word before ours. A peer that is about to refuse us closes,
        and what reaches a closed socket comes back as a reset, which can overtake the alert that says why.
        """
        started = monotonic()
        self.client.start()
        heard = await self._hear(deadline.within(listen_first)) if listen_first else Heard(late=True)
        if heard.late or heard.data:
            self._flush()
        if heard.late:
            heard = await self._hear(deadline)
        self.heard = heard = heard._replace(duration_ms=(monotonic() - started) * 1000)
        if heard.spoken == "h2":
            self._digest(heard.data)
            self._pump = asyncio.get_running_loop().create_task(self._read_on())
        else:
            self.closed_by_peer = not heard.late
            self.reset_by_peer = heard.reset
        return heard

    async def _hear(self, deadline: Deadline) -> Heard:
        """Read until the first bytes tell what they are, or nothing more comes."""
        data, wait = b"", deadline
        while not (data and enough_to_tell(data)):
            try:
                more = await self.duplex.read(wait)
            except TimeoutError:
                return Heard(data, late=not data)
            except ssl.SSLError as refused:
                self.tls_error = refused
                break
            except OSError:
                return Heard(data, reset=True)
            if not more:
                break
            data += more
            wait = deadline.within(_PATIENCE_FOR_MORE)
        return Heard(data)

    @property
    def first(self) -> FirstBytes | None:
        """The facts of what was heard."""
        return self.heard.facts() if self.heard is not None else None

    @property
    def usable(self) -> bool:
        """Questions may still be answered on it."""
        return self._pump is not None and not self._pump.done() and not self.client.dead

    async def settled(self, deadline: Deadline) -> bool:
        """Wait for the peer's SETTINGS (ours are acknowledged as they come). False where they never came."""
        return await self.until(lambda: self.client.settings_received, deadline)

    async def ask(self, headers: Headers, body: bytes, deadline: Deadline) -> Stream:
        """Put one question and wait until its stream is over, however it ends; see Stream.lost."""
        if self.client.setting(Setting.MAX_CONCURRENT_STREAMS) == 0:
            return self._refused("refused-by-limit", body)
        free = await self.until(self.has_room, deadline)
        if not self.usable or not free:
            return self._refused(self.why_over() if not self.usable else "timeout", body)
        stream = self.client.request(headers, body)
        if self.client.goaways and stream.id > self.client.goaways[-1].last_stream_id:
            self.client.lose(stream, "goaway")
        self._flush()
        if not await self.until(lambda: stream.closed, deadline) and not stream.closed:
            stream.lose("timeout" if self.usable else self.why_over())
            self.cancel(stream, Http2Error.CANCEL)
        return stream

    def start(self, stream: HttpStream, headers: Headers) -> None:
        """Begin a request whose body comes by and by. What is said in one turn of the event loop goes out together."""
        self.client.sender.open(stream, headers)
        self._flush_soon()

    def push(self, stream: HttpStream) -> None:
        """Send what this stream has to send."""
        self._to_push.append(stream)
        self._flush_soon()

    def give_window(self, stream: HttpStream) -> None:
        """The stream's reader has taken something: the peer may send on."""
        self.client.sender.give_window(stream)
        self._flush_soon()

    def cancel(self, stream: HttpStream, code: int) -> None:
        """RST_STREAM; its place is free for another."""
        self.client.sender.cancel(stream, code)
        self._flush()
        self._wake_all()

    async def ping(self, deadline: Deadline) -> float | None:
        """Milliseconds of one round trip; None where no answer came."""
        if not self.usable:
            return None
        sent = monotonic()
        self.client.pongs.pop(_PING_PAYLOAD, None)  # one that came unasked answers nothing
        self.client.ping(_PING_PAYLOAD)
        self._flush()
        await self.until(lambda: _PING_PAYLOAD in self.client.pongs, deadline)
        answered = self.client.pongs.get(_PING_PAYLOAD)
        return None if answered is None else (answered - sent) * 1000

    def send_ping(self, payload: bytes) -> None:
        """PING without waiting for its answer; `heard_at` tells of it."""
        self.client.ping(payload)
        self._flush()

    def say_goodbye(self) -> None:
        """GOAWAY NO_ERROR: we open no more streams (RFC 9113 §6.8)."""
        self.client.sender.send(frames.goaway())
        self._flush()

    def abort(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self.duplex.abort()

    def facts(self, transport: str, address: str, ping_ms: float | None = None) -> Http2Facts:
        """What is known of this connection now."""
        from grpcdoctor.model.facts.http2 import Http2Facts
        from grpcdoctor.wire.fingerprint import terminator_of

        client = self.client
        terminator, score = terminator_of(client.first_settings, client.window_increment)
        return Http2Facts(
            transport=transport,
            address=address,
            first=self.first,
            settings=client.settings,
            settings_acked=client.settings_acked,
            window_increment=client.window_increment,
            terminator=terminator,
            terminator_score=score,
            ping_ms=ping_ms,
            goaways=tuple(client.goaways),
            violation=client.violation,
            violation_frame=client.violation_frame,
            closed_by_peer=self.closed_by_peer,
            reset_by_peer=self.reset_by_peer,
        )

    def has_room(self) -> bool:
        limit = self.client.setting(Setting.MAX_CONCURRENT_STREAMS)
        return limit is None or self.client.active < limit

    def _refused(self, why: str, body: bytes) -> Stream:
        stream = Stream(body)
        stream.lose(why)
        return stream

    def why_over(self) -> str:
        """What ended the connection, as HttpStream.lose is told."""
        if self.client.goaways:
            return "goaway"
        if self.client.dead:
            return "protocol-error"
        return "reset" if self.reset_by_peer else "closed"

    async def until(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """Wait until `done()`; False at the deadline or when the connection is over."""
        while not done():
            if not self.usable or deadline.expired:
                return False
            await self._change(deadline)
            if self.bug is not None:
                raise self.bug
        return True

    async def _change(self, deadline: Deadline) -> None:
        """Wait until something arrives, or the deadline."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        timer = loop.call_at(deadline.at, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            _wake(waiter)

    async def _read_on(self) -> None:
        """The pump: everything that arrives goes through the client, and whoever waits is woken."""
        try:
            while not self.client.dead and not self._is_enough():
                data = await self.duplex.read(_FOR_EVER)
                if not data:
                    self.closed_by_peer = True
                    break
                self._received += len(data)
                self._digest(data)
                self._wake_all()
                await self.duplex.drain()  # answers that the peer does not read must not pile up
            if self._is_enough():
                self.client.give_up(f"more than {self._received >> 20} MiB sent: the peer floods the connection")
        except ssl.SSLError as broken:
            self.tls_error = broken
            self.closed_by_peer = True
        except OSError:
            self.closed_by_peer = self.reset_by_peer = True
        except Exception as bug:
            self.bug = bug
        finally:
            self.client.lose_all(self.why_over())
            self._wake_all()

    def _is_enough(self) -> bool:
        return self._limits.received is not None and self._received >= self._limits.received

    def _digest(self, data: bytes) -> None:
        self.heard_at = monotonic()
        self.client.receive(data)
        self._flush()

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        to_push, self._to_push = self._to_push, []
        for stream in to_push:
            self.client.sender.push(stream)
        if self.client.outgoing:
            self.duplex.write(bytes(self.client.outgoing))
            self.client.outgoing.clear()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
