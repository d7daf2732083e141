"""Http2Client: HTTP/2 as a client, sans I/O, written for looking.

h2 is an engine, not an observer: it raises on what a doctor must report and drops what came before. So the frames are
cut here, every one is kept in sight, and only what makes it impossible to read on (framing, HPACK) ends the
connection. h2's strict opinion is asked afterwards, on the frames that were kept (`referee`).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from hpack import Decoder, Encoder, HPACKError

from grpcdoctor.model.codes import FrameType, Setting
from grpcdoctor.model.facts.http2 import Goaway
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame, FrameError, FrameSplitter
from grpcdoctor.wire.streams import Headers, Stream

OUR_SETTINGS: Final[dict[int, int]] = {
    Setting.ENABLE_PUSH: 0,
    Setting.INITIAL_WINDOW_SIZE: 1 << 20,
    Setting.MAX_HEADER_LIST_SIZE: 64 * 1024,
}
CONNECTION_WINDOW: Final = 1 << 20
DEFAULT_WINDOW: Final = 65535
# RFC 9113 sets no bound on a header block spread over CONTINUATION frames; a bomb is not read to its end. Compressed,
# a list of the size that we allow is smaller than the list.
HEADER_BLOCK_LIMIT: Final = OUR_SETTINGS[Setting.MAX_HEADER_LIST_SIZE]
# Frames kept for the referee and --save; after that only counted, whatever a peer sends.
FRAMES_KEPT: Final = 2000
BYTES_KEPT: Final = 1 << 20
# Enough to see that a connection only floods: a healthy probe needs a few dozen frames. They count by what they cost us
# (`_cost_of`). Those that carry a reply's body are counted apart, for a busy stream may be many small messages: more
# than the windows can hold of them.
FRAMES_LIMIT: Final = 20_000
DATA_FRAMES_LIMIT: Final = 250_000
# A stream that has sent so many gets no further window: what it has sent is enough to look at.
_DATA_FRAMES_WANTED: Final = 10_000
_VIOLATION_KEPT: Final = 300

FrameListener = Callable[[str, Frame, "Headers | None"], None]


class Http2Client:
    """`start`, `request`, `ping` queue bytes in `outgoing`; `receive` digests what came and queues the answers."""

    def __init__(self, listener: FrameListener | None = None) -> None:
        self.outgoing = bytearray()
        self.streams: dict[int, Stream] = {}
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
        self.kept: list[tuple[str, Frame]] = []
        self._kept_bytes = 0
        self._frames_received = 0
        self._data_frames_received = 0
        self._started = monotonic()
        self._listener = listener
        self._splitter = FrameSplitter()
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._decoder.max_header_list_size = OUR_SETTINGS[Setting.MAX_HEADER_LIST_SIZE]
        self._block: tuple[Frame, bytearray] | None = None
        self._next_stream_id = 1
        self._send_window = DEFAULT_WINDOW
        self._unacknowledged = 0

    # --- sending -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The preface, our SETTINGS and a larger connection window."""
        self.outgoing += frames.PREFACE
        self._send(frames.settings(dict(OUR_SETTINGS)))
        self._send(frames.window_update(0, CONNECTION_WINDOW))

    def request(self, headers: Headers, body: bytes) -> Stream:
        """A POST whose body ends the stream; it is sent as far as the windows allow."""
        stream = Stream(self._next_stream_id, self._initial_window(), body, OUR_SETTINGS[Setting.INITIAL_WINDOW_SIZE])
        self._next_stream_id += 2
        self.streams[stream.id] = stream
        block = self._encoder.encode(list(headers), huffman=True)
        self._send_block(stream.id, block, headers)
        self._send_body(stream)
        return stream

    def ping(self, payload: bytes) -> None:
        self._send(Frame(FrameType.PING, 0, 0, payload))

    def cancel(self, stream: Stream, code: int) -> None:
        """RST_STREAM, so that the peer stops working on an abandoned call."""
        if not stream.closed:
            self._send(frames.rst_stream(stream.id, code))

    def setting(self, identifier: int) -> int | None:
        return next((value for key, value in reversed(self.settings) if key == identifier), None)

    @property
    def active(self) -> int:
        """Streams not finished: what counts against MAX_CONCURRENT_STREAMS."""
        return sum(not stream.closed for stream in self.streams.values())

    def _initial_window(self) -> int:
        value = self.setting(Setting.INITIAL_WINDOW_SIZE)
        return DEFAULT_WINDOW if value is None else value

    def _send(self, frame: Frame, headers: Headers | None = None) -> None:
        self.outgoing += frame.encode()
        self._keep("sent", frame, headers)

    def _send_block(self, stream_id: int, block: bytes, headers: Headers) -> None:
        first, rest = block[: frames.MAX_FRAME_SIZE], block[frames.MAX_FRAME_SIZE :]
        self._send(Frame(FrameType.HEADERS, 0 if rest else frames.END_HEADERS, stream_id, first), headers)
        while rest:
            part, rest = rest[: frames.MAX_FRAME_SIZE], rest[frames.MAX_FRAME_SIZE :]
            self._send(Frame(FrameType.CONTINUATION, 0 if rest else frames.END_HEADERS, stream_id, part))

    def _send_body(self, stream: Stream) -> None:
        while not stream.sent_end and not stream.closed:
            room = min(stream.send_window, self._send_window, frames.MAX_FRAME_SIZE)
            part = stream.unsent[: max(room, 0)]
            if not part and stream.unsent:
                return  # a WINDOW_UPDATE goes on from here
            stream.unsent = stream.unsent[len(part) :]
            stream.send_window -= len(part)
            self._send_window -= len(part)
            stream.sent_end = not stream.unsent
            self._send(Frame(FrameType.DATA, frames.END_STREAM if stream.sent_end else 0, stream.id, part))

    # --- receiving -----------------------------------------------------------------------------------------------

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
        if frame.type == FrameType.DATA and frame.payload:
            self._data_frames_received += 1
        else:
            self._frames_received += _cost_of(frame)
        if self._frames_received > FRAMES_LIMIT or self._data_frames_received > DATA_FRAMES_LIMIT:
            self._violate("frames without end: the peer floods the connection", frame, fatal=True)
            return
        if frame.type not in (FrameType.HEADERS, FrameType.CONTINUATION):
            self._keep("received", frame, None)
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

    def _on_settings(self, frame: Frame) -> None:
        if frame.flags & frames.ACK:
            self.settings_acked = True
            return
        if len(frame.payload) % 6:
            raise FrameError("SETTINGS whose length is no multiple of 6 (RFC 9113 §6.5)")
        before = self._initial_window()
        if not self.settings_received:
            self.first_settings = frames.read_settings(frame.payload)
        self.settings += frames.read_settings(frame.payload)
        self.settings = self.settings[-64:]  # a peer that floods SETTINGS fills no memory
        self.settings_received = True
        for stream in self.streams.values():
            stream.send_window += self._initial_window() - before
        table_size = self.setting(Setting.HEADER_TABLE_SIZE)
        if table_size is not None:
            self._encoder.header_table_size = min(table_size, 4096)
        self._send(frames.SETTINGS_ACK)
        self._resume_bodies()

    def _on_ping(self, frame: Frame) -> None:
        if len(frame.payload) != 8:
            raise FrameError("PING that is not 8 bytes long (RFC 9113 §6.7)")
        if frame.flags & frames.ACK:
            self.pongs[frame.payload] = monotonic()
        else:
            self._send(Frame(FrameType.PING, frames.ACK, 0, frame.payload))

    def _on_goaway(self, frame: Frame) -> None:
        if len(frame.payload) < 8:
            raise FrameError("GOAWAY shorter than 8 bytes (RFC 9113 §6.8)")
        last = int.from_bytes(frame.payload[:4], "big") & 0x7FFFFFFF
        code = int.from_bytes(frame.payload[4:8], "big")
        debug = redact_text(frame.payload[8:1024].decode("utf-8", "replace"))
        nothing_answered = not any(stream.answered for stream in self.streams.values())
        at_ms = (monotonic() - self._started) * 1000
        if len(self.goaways) < 16:
            self.goaways.append(Goaway(code, last, debug, at_ms, nothing_answered))
        for stream in self.streams.values():
            if stream.id > last and not stream.closed:
                stream.lose("goaway")

    def _on_rst_stream(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            raise FrameError("RST_STREAM that is not 4 bytes long (RFC 9113 §6.4)")
        self._stream_of(frame).reset(int.from_bytes(frame.payload, "big"))

    def _on_window_update(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            raise FrameError("WINDOW_UPDATE that is not 4 bytes long (RFC 9113 §6.9)")
        increment = int.from_bytes(frame.payload, "big") & 0x7FFFFFFF
        if frame.stream_id == 0:
            self._send_window += increment
            if self.window_increment is None and not self.streams:  # later ones say nothing of who it is
                self.window_increment = increment
        elif frame.stream_id in self.streams:
            self.streams[frame.stream_id].send_window += increment
        self._resume_bodies()

    def _resume_bodies(self) -> None:
        for stream in self.streams.values():
            if not stream.sent_end and not stream.closed:
                self._send_body(stream)

    def _on_data(self, frame: Frame) -> None:
        self._unacknowledged += len(frame.payload)
        stream = self._stream_of(frame)
        if not stream.take_window(len(frame.payload)):
            self._violate("DATA beyond the flow-control window (RFC 9113 §6.9.1)", frame, fatal=True)
            return
        stream.receive_data(frames.unpad(frame), frame.end_stream)
        credit = stream.window_to_give() if self._data_frames_received < _DATA_FRAMES_WANTED else 0
        if credit:
            self._send(frames.window_update(stream.id, credit))
        if self._unacknowledged > CONNECTION_WINDOW // 4:
            self._send(frames.window_update(0, self._unacknowledged))
            self._unacknowledged = 0

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
        if len(block) > HEADER_BLOCK_LIMIT:
            self._violate(f"a header block of more than {HEADER_BLOCK_LIMIT:,} bytes", frame, fatal=True)
            return
        self._extend_block(first, block, frame)

    def _extend_block(self, first: Frame, block: bytearray, newest: Frame) -> None:
        if not newest.flags & frames.END_HEADERS:
            self._block = (first, block)
            self._keep("received", newest, None)
            return
        self._block = None
        headers = self._decode(bytes(block), newest)
        self._keep("received", newest, headers)
        if headers is not None:
            self._stream_of(first).receive_headers(headers, first.end_stream)

    def _decode(self, block: bytes, frame: Frame) -> Headers | None:
        try:
            raw = self._decoder.decode(block, raw=True)
        except (HPACKError, ValueError, IndexError) as broken:  # some of hpack's words quote the whole block
            why = str(broken)[:_VIOLATION_KEPT]
            self._violate(f"a header block that HPACK cannot decode: {why} (RFC 7541)", frame, fatal=True)
            return None
        return tuple((_text(name), _text(value)) for name, value, *_ in raw)

    def _on_push_promise(self, frame: Frame) -> None:
        """Its header block would have to be decoded to keep HPACK in step, and it must not come at all."""
        self._violate("PUSH_PROMISE, though our SETTINGS disable push (RFC 9113 §8.4)", frame, fatal=True)

    def _stream_of(self, frame: Frame) -> Stream:
        stream = self.streams.get(frame.stream_id)
        if stream is None:
            raise FrameError(f"{frame.type_name} on stream {frame.stream_id}, which we never opened (RFC 9113 §5.1)")
        return stream

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
        for stream in self.streams.values():
            if not stream.closed:
                stream.lose(why)

    def _keep(self, direction: str, frame: Frame, headers: Headers | None) -> None:
        if self._listener is not None:
            self._listener(direction, frame, headers)
        if len(self.kept) < FRAMES_KEPT and self._kept_bytes < BYTES_KEPT:
            self.kept.append((direction, frame))
            self._kept_bytes += len(frame.payload)


def _cost_of(frame: Frame) -> int:
    """In small frames: HPACK is ten times as dear, and a payload is read through."""
    return (10 if frame.type in (FrameType.HEADERS, FrameType.CONTINUATION) else 1) + len(frame.payload) // 256


def _text(value: bytes) -> str:
    return bytes(value).decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8", "replace")


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
