"""Http2Exchange: an exchange that is a stream of an HTTP/2 connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.endings import status_of_reset
from grpcdoctor.client.transport.exchange import Listener, Lost
from grpcdoctor.client.transport.signal import Signal
from grpcdoctor.model.codes import Http2Error
from grpcdoctor.wire.http_stream import HttpStream
from grpcdoctor.wire.limits import CALLING

if TYPE_CHECKING:
    from grpcdoctor.client.transport.http2_link import Http2Link
    from grpcdoctor.wire.streams import Headers

# Smaller updates cost more than they bring.
_WINDOW_SHARE: Final = CALLING.stream_window // 4


class Http2Exchange(HttpStream):
    """The peer gets window for what the listener has taken, so a slow reader holds it back."""

    def __init__(self, link: Http2Link, listener: Listener) -> None:
        super().__init__(CALLING.stream_window)
        self._link = link
        self._listener = listener
        self._answered = False
        self._over = False
        self._change = Signal()

    # --- as an Exchange ------------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> bool:
        while self.unsent and not self._over:
            await self._change.wait()
        await self._link.drain()
        if self._over or self.end_wanted:
            return False
        self.unsent = data if len(data) < CALLING.frame_size else memoryview(data)
        self._link.connection.push(self)
        return True

    def end_sending(self) -> None:
        if not self._over and not self.end_wanted:
            self.end_wanted = True
            self._link.connection.push(self)

    def took(self) -> None:
        if self._window - self._window_left - self._listener.held > _WINDOW_SHARE:
            self._link.connection.give_window(self)

    def cancel(self, code: int) -> None:
        if not self._over:
            self._finish()
            self._link.connection.cancel(self, code)

    # --- as a HttpStream -----------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self._over

    @property
    def answered(self) -> bool:
        return self._answered

    def receive_headers(self, headers: Headers, end_stream: bool) -> None:
        if self._over:
            return
        if end_stream:
            self._end()
        if self._answered and end_stream:
            self._listener.on_trailers(headers)
            return
        self._answered = self._answered or not _is_interim(headers)
        self._listener.on_headers(headers, end_stream)

    def receive_data(self, data: bytes, end_stream: bool) -> None:
        if self._over:
            return
        if end_stream:
            self._end()
        if data:
            self._listener.on_data(data)
        if end_stream:
            self._listener.on_end()

    def reset(self, code: int) -> None:
        if not self._over:
            self._finish()
            refused = code == Http2Error.REFUSED_STREAM
            self._listener.on_lost(Lost(status_of_reset(code), refused, crowded=refused and self._link.crowded))

    def lose(self, why: str) -> None:
        if not self._over:
            self._finish()
            self._listener.on_lost(self._link.loss(self, why))

    def sent(self) -> None:
        self._change.notify()

    def window_to_give(self) -> int:
        due = self._window - self._window_left - self._listener.held
        if self._over or due <= _WINDOW_SHARE:
            return 0
        self._window_left += due
        return due

    def _end(self) -> None:
        """The response is complete: nothing more of the request is wanted (RFC 9113 §8.1)."""
        complete = self.sent_end
        self._finish()
        if not complete:
            self._link.connection.cancel(self, Http2Error.NO_ERROR)

    def _finish(self) -> None:
        self._over = True
        self.unsent = b""
        self._change.notify()


def _is_interim(headers: Headers) -> bool:
    return any(name == ":status" and len(value) == 3 and value[0] == "1" for name, value in headers)
