"""Sender: what goes out on one HTTP/2 connection, sans I/O: requests, and bodies as far as the peer's windows allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.model.codes import FrameType, Setting
from grpcdoctor.wire import frames
from grpcdoctor.wire.frame_log import FrameLog
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.header_blocks import HeaderEncoder
from grpcdoctor.wire.http_stream import HttpStream
from grpcdoctor.wire.limits import Limits

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

DEFAULT_WINDOW: Final = 65535  # RFC 9113 §6.9.2


class Sender:
    """Everything is queued in `outgoing`; whoever has the connection writes it and empties it."""

    def __init__(self, limits: Limits, log: FrameLog) -> None:
        self.outgoing = bytearray()
        self.streams: dict[int, HttpStream] = {}
        """Those that are not over: what counts against MAX_CONCURRENT_STREAMS."""
        self.next_stream_id = 1
        self._limits = limits
        self._log = log
        self._encoder = HeaderEncoder()
        self._initial_window = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW
        self._frame_size = frames.MAX_FRAME_SIZE

    def send(self, frame: Frame, headers: Headers | None = None) -> None:
        self.outgoing += frame.encode()
        self._log.note("sent", frame, headers)

    def greet(self) -> None:
        """The preface, our SETTINGS and a larger connection window."""
        self.outgoing += frames.PREFACE
        self.send(frames.settings(self._limits.settings))
        self.send(frames.window_update(0, self._limits.connection_window))

    def open(self, stream: HttpStream, headers: Headers) -> None:
        """Begin a request: the stream gets its id; what it has to send goes out with `push`."""
        stream.id = self.next_stream_id
        stream.send_window = self._initial_window
        self.next_stream_id += 2
        self.streams[stream.id] = stream
        first, *others = self._encoder.frames(stream.id, headers)
        self.send(first, headers)
        for frame in others:
            self.send(frame)

    def push(self, stream: HttpStream) -> None:
        """Send of the stream's body what the windows allow; a WINDOW_UPDATE goes on from there."""
        while not stream.sent_end and not stream.closed:
            room = max(0, min(stream.send_window, self._window, self._frame_size))
            part = stream.unsent[:room]
            if not part and (stream.unsent or not stream.end_wanted):
                return
            stream.unsent = stream.unsent[len(part) :]
            stream.send_window -= len(part)
            self._window -= len(part)
            stream.sent_end = stream.end_wanted and not stream.unsent
            self.send(Frame(FrameType.DATA, frames.END_STREAM if stream.sent_end else 0, stream.id, bytes(part)))
            if not stream.unsent:
                stream.sent()

    def push_all(self) -> None:
        for stream in list(self.streams.values()):
            self.push(stream)

    def apply(self, identifier: int, value: int) -> None:
        """One of the peer's SETTINGS."""
        if identifier == Setting.INITIAL_WINDOW_SIZE:
            for stream in self.streams.values():
                stream.send_window += value - self._initial_window
            self._initial_window = value
        elif identifier == Setting.HEADER_TABLE_SIZE:
            self._encoder.allow(value)
        elif identifier == Setting.MAX_FRAME_SIZE:
            self._frame_size = max(frames.MAX_FRAME_SIZE, min(value, self._limits.frame_size))

    def widen(self, stream_id: int, increment: int) -> None:
        """The peer's WINDOW_UPDATE, of the connection where the id is 0."""
        if stream_id == 0:
            self._window += increment
            self.push_all()
        elif stream_id in self.streams:
            self.streams[stream_id].send_window += increment
            self.push(self.streams[stream_id])

    def give_window(self, stream: HttpStream) -> None:
        """WINDOW_UPDATE for this stream if one is due."""
        credit = stream.window_to_give()
        if credit and stream.id in self.streams:
            self.send(frames.window_update(stream.id, credit))

    def cancel(self, stream: HttpStream, code: int) -> None:
        """RST_STREAM, so that the peer stops working on an abandoned request; the stream is forgotten."""
        if self.streams.pop(stream.id, None) is not None:
            self.send(frames.rst_stream(stream.id, code))
