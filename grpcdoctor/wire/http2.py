"""Http2Client: HTTP/2 as a client, sans I/O, written for looking.

h2 is an engine, not an observer: it raises on what a doctor must report and drops what came before. So the frames are
cut here, every one is in sight, and only what makes it impossible to read on (framing, HPACK) ends the connection.
h2's strict opinion is asked afterwards, on the frames that were kept (`referee`).

What it takes of a peer is its `Limits`; what comes on a stream goes to the `HttpStream` that was opened.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.codes import FrameType
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire import frames
from grpcdoctor.wire.frame_log import FrameListener, FrameLog
from grpcdoctor.wire.frames import Frame, FrameError, FrameSplitter
from grpcdoctor.wire.header_blocks import BrokenBlockError, HeaderDecoder
from grpcdoctor.wire.http_stream import HttpStream
from grpcdoctor.wire.limits import PROBING, Limits
from grpcdoctor.wire.sender import Sender
from grpcdoctor.wire.streams import Headers, Stream

if TYPE_CHECKING:
    from grpcdoctor.model.facts.http2 import Goaway

_SETTINGS_KEPT: Final = 64
_GOAWAYS_KEPT: Final = 16
_PONGS_KEPT: Final = 16


class Http2Client:
    """`start`, `request`, `ping` queue bytes in `outgoing`; `receive` digests what came and queues the answers."""

    def __init__(self, listener: FrameListener | None = None, limits: Limits = PROBING) -> None:
        self._limits = limits
        self._log = FrameLog(listener, limits)
        self.sender = Sender(limits, self._log)
        self.settings: tuple[tuple[int, int], ...] = ()
        self.first_settings: tuple[tuple[int, int], ...] = ()
        """Of the first frame alone: later ones (flow control tuning) say nothing of who it is."""
        self.settings_received = False
        self.settings_acked = False
        self.goaways: list[Goaway] = []
        self.violation: str | None = None
        self.violation_frame: str | None = None
        self.dead = False
        """Nothing more can be read from this connection."""
        self.window_increment: int | None = None
        self.pongs: dict[bytes, float] = {}
        self._frames_received = 0
        self._data_frames_received = 0
        self._started = monotonic()
        self._splitter = FrameSplitter(limits.frame_size)
        self._decoder = HeaderDecoder(limits.header_list)
        self._block: tuple[Frame, bytearray] | None = None
        self._answered = False
        self._unacknowledged = 0

    @property
    def outgoing(self) -> bytearray:
        """What is to be written; whoever has the connection writes it and empties it."""
        return self.sender.outgoing

    @property
    def streams(self) -> dict[int, HttpStream]:
        """Those that are not over."""
        return self.sender.streams

    @property
    def kept(self) -> list[tuple[str, Frame]]:
        """The first frames of the connection, as far as its Limits keep any: (sent or received, frame)."""
        return self._log.kept

    def start(self) -> None:
        """The preface, our SETTINGS and a larger connection window."""
        self.sender.greet()

    def request(self, headers: Headers, body: bytes) -> Stream:
        """A POST whose body ends the stream; it is sent as far as the windows allow."""
        stream = Stream(body, self._limits.stream_window)
        self.sender.open(stream, headers)
        self.sender.push(stream)
        return stream

    def ping(self, payload: bytes) -> None:
        self.sender.send(Frame(FrameType.PING, 0, 0, payload))

    def setting(self, identifier: int) -> int | None:
        return next((value for key, value in reversed(self.settings) if key == identifier), None)

    @property
    def active(self) -> int:
        """Streams not finished: what counts against MAX_CONCURRENT_STREAMS."""
        return len(self.streams)

    def receive(self, data: bytes) -> None:
        """Digest bytes of the peer. Never raises for what a peer sent; see `violation` and `dead`."""
        while not self.dead:
            try:
                found = self._splitter.feed(data)
            except FrameError as broken:
                self._violate(str(broken), None, fatal=True)
                return
            if not found:
                return
            for frame in found:
                if not self.dead:
                    self._receive_frame(frame)
            data = b""

    def _receive_frame(self, frame: Frame) -> None:
        if self._floods(frame):
            self._violate("frames without end: the peer floods the connection", frame, fatal=True)
            return
        if frame.type not in (FrameType.HEADERS, FrameType.CONTINUATION):
            self._log.note("received", frame)
        if not self.settings_received and frame.type not in (FrameType.SETTINGS, FrameType.GOAWAY):
            self._violate("the first frame is not SETTINGS (RFC 9113 §3.4)", frame)
        if self._block is not None and frame.type != FrameType.CONTINUATION:
            self._violate("a header block is interrupted by another frame (RFC 9113 §6.10)", frame, fatal=True)
            return
        handler = _HANDLERS.get(frame.type)
        if handler is None:
            return  # unknown types are ignored (RFC 9113 §5.5)
        try:
            handler(self, frame)
        except FrameError as broken:
            self._violate(str(broken), frame)

    def _floods(self, frame: Frame) -> bool:
        """Count it; whether the peer has now sent more than any sane one would."""
        if frame.type == FrameType.DATA and frame.payload:
            self._data_frames_received += 1
            limit = self._limits.data_frames
            return limit is not None and self._data_frames_received > limit
        self._frames_received += _cost_of(frame)
        limit = self._limits.frames
        return limit is not None and self._frames_received > limit

    def _on_settings(self, frame: Frame) -> None:
        if frame.flags & frames.ACK:
            self.settings_acked = True
            return
        if len(frame.payload) % 6:
            raise FrameError("SETTINGS whose length is no multiple of 6 (RFC 9113 §6.5)")
        values = frames.read_settings(frame.payload)
        if not self.settings_received:
            self.first_settings = values
        self.settings = (self.settings + values)[-_SETTINGS_KEPT:]  # a peer that floods SETTINGS fills no memory
        self.settings_received = True
        for identifier, value in values:
            self.sender.apply(identifier, value)
        self.sender.send(frames.SETTINGS_ACK)
        self.sender.push_all()

    def _on_ping(self, frame: Frame) -> None:
        if len(frame.payload) != 8:
            raise FrameError("PING that is not 8 bytes long (RFC 9113 §6.7)")
        if frame.flags & frames.ACK:
            if len(self.pongs) < _PONGS_KEPT or frame.payload in self.pongs:
                self.pongs[frame.payload] = monotonic()
        else:
            self.sender.send(Frame(FrameType.PING, frames.ACK, 0, frame.payload))

    def _on_goaway(self, frame: Frame) -> None:
        if len(frame.payload) < 8:
            raise FrameError("GOAWAY shorter than 8 bytes (RFC 9113 §6.8)")
        last = int.from_bytes(frame.payload[:4], "big") & 0x7FFFFFFF
        code = int.from_bytes(frame.payload[4:8], "big")
        debug = redact_text(frame.payload[8:1024].decode("utf-8", "replace"))
        at_ms = (monotonic() - self._started) * 1000
        if len(self.goaways) < _GOAWAYS_KEPT:
            from grpcdoctor.model.facts.http2 import Goaway

            self.goaways.append(Goaway(code, last, debug, at_ms, not self._answered))
        for stream in list(self.streams.values()):
            if stream.id > last:
                self.lose(stream, "goaway")

    def _on_rst_stream(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            raise FrameError("RST_STREAM that is not 4 bytes long (RFC 9113 §6.4)")
        stream = self._stream_of(frame)
        if stream is not None:
            stream.reset(int.from_bytes(frame.payload, "big"))
            self._forget_if_closed(stream)

    def _on_window_update(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            raise FrameError("WINDOW_UPDATE that is not 4 bytes long (RFC 9113 §6.9)")
        increment = int.from_bytes(frame.payload, "big") & 0x7FFFFFFF
        if frame.stream_id == 0 and self.window_increment is None and self.sender.next_stream_id == 1:
            self.window_increment = increment  # later ones say nothing of who it is
        self.sender.widen(frame.stream_id, increment)

    def _on_data(self, frame: Frame) -> None:
        self._unacknowledged += len(frame.payload)
        if self._unacknowledged > self._limits.connection_window // 4:
            self.sender.send(frames.window_update(0, self._unacknowledged))
            self._unacknowledged = 0
        stream = self._stream_of(frame)
        if stream is None:
            return
        if not stream.take_window(len(frame.payload)):
            self._violate("DATA beyond the flow-control window (RFC 9113 §6.9.1)", frame, fatal=True)
            return
        stream.receive_data(frames.unpad(frame), frame.end_stream)
        self._forget_if_closed(stream)
        wanted = self._limits.data_frames_wanted
        if wanted is None or self._data_frames_received < wanted:
            self.sender.give_window(stream)

    def _on_headers(self, frame: Frame) -> None:
        if frame.stream_id == 0:
            raise FrameError("HEADERS on stream 0 (RFC 9113 §6.2)")
        self._extend_block(frame, bytearray(frames.unpad(frame)), frame)

    def _on_continuation(self, frame: Frame) -> None:
        if self._block is None or self._block[0].stream_id != frame.stream_id:
            self._violate("CONTINUATION without a header block to continue (RFC 9113 §6.10)", frame, fatal=True)
            return
        first, block = self._block
        block += frame.payload
        if len(block) > self._limits.header_list:
            self._violate(f"a header block of more than {self._limits.header_list:,} bytes", frame, fatal=True)
            return
        self._extend_block(first, block, frame)

    def _extend_block(self, first: Frame, block: bytearray, newest: Frame) -> None:
        if not newest.flags & frames.END_HEADERS:
            self._block = (first, block)
            self._log.note("received", newest)
            return
        self._block = None
        try:
            headers = self._decoder.decode(bytes(block))
        except BrokenBlockError as broken:
            self._violate(f"a header block that HPACK cannot decode: {broken} (RFC 7541)", newest, fatal=True)
            headers = None
        self._log.note("received", newest, headers)
        stream = self._stream_of(first) if headers is not None else None
        if stream is not None and headers is not None:
            stream.receive_headers(headers, first.end_stream)
            self._answered = self._answered or stream.answered
            self._forget_if_closed(stream)

    def _on_push_promise(self, frame: Frame) -> None:
        """Its header block would have to be decoded to keep HPACK in step, and it must not come at all."""
        self._violate("PUSH_PROMISE, though our SETTINGS disable push (RFC 9113 §8.4)", frame, fatal=True)

    def _stream_of(self, frame: Frame) -> HttpStream | None:
        """None where the stream is over already. Raises FrameError where there never was one."""
        if frame.stream_id >= self.sender.next_stream_id or frame.stream_id % 2 == 0:
            raise FrameError(f"{frame.type_name} on stream {frame.stream_id}, which we never opened (RFC 9113 §5.1)")
        return self.streams.get(frame.stream_id)

    def give_up(self, why: str) -> None:
        """Read no further."""
        self._violate(why, None, fatal=True)

    def _violate(self, what: str, frame: Frame | None, fatal: bool = False) -> None:
        if self.violation is None:
            self.violation = what
            if frame is not None:
                self.violation_frame = f"{frame.type_name} stream {frame.stream_id}, {len(frame.payload)} bytes"
        if fatal:
            self.dead = True
            self.lose_all("protocol-error")

    def lose_all(self, why: str) -> None:
        """Every unfinished stream ends here."""
        for stream in list(self.streams.values()):
            self.lose(stream, why)

    def lose(self, stream: HttpStream, why: str) -> None:
        """End this one."""
        self.streams.pop(stream.id, None)
        stream.lose(why)

    def _forget_if_closed(self, stream: HttpStream) -> None:
        if stream.closed:
            self.streams.pop(stream.id, None)


def _cost_of(frame: Frame) -> int:
    """In small frames: HPACK is ten times as dear, and a payload is read through."""
    return (10 if frame.type in (FrameType.HEADERS, FrameType.CONTINUATION) else 1) + len(frame.payload) // 256


_HANDLERS: Final[dict[int, Callable[[Http2Client, Frame], None]]] = {
    FrameType.DATA: Http2Client._on_data,
    FrameType.HEADERS: Http2Client._on_headers,
    FrameType.RST_STREAM: Http2Client._on_rst_stream,
    FrameType.SETTINGS: Http2Client._on_settings,
    FrameType.PUSH_PROMISE: Http2Client._on_push_promise,
    FrameType.PING: Http2Client._on_ping,
    FrameType.GOAWAY: Http2Client._on_goaway,
    FrameType.WINDOW_UPDATE: Http2Client._on_window_update,
    FrameType.CONTINUATION: Http2Client._on_continuation,
}
