"""Servers that attack whoever looks at them; each in one way. `say` is what is sent, for as long as it is read."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import field
from tests.lab.fake_server import FakeServer, serve
from tests.wire.peers import OK_HEADERS, OK_TRAILERS, Server

Attack = Callable[[Server], Iterable[bytes]]
STREAMS: Final = (1, 3, 5, 7, 9)
BLAST: Final = 64
"""Small frames are sent so many at once, or the server would be the slower one."""


def attacking(
    attack: Attack, greet: bool = True, pause: float = 0.0, wait: bool = True
) -> contextlib.AbstractContextManager[FakeServer]:
    """Greets in HTTP/2, waits for the questions, and sends what the attack says, until the peer goes."""

    def handler(stream: socket.socket, number: int) -> None:
        server = Server()
        if greet:
            stream.sendall(server.settings())
        if wait:
            stream.recv(65536)
            time.sleep(0.05)
        for data in attack(server):
            stream.sendall(data)
            if pause:
                time.sleep(pause)
        with contextlib.suppress(OSError):
            while stream.recv(65536):
                pass

    return serve(handler)


def _for_ever(data: bytes) -> Iterator[bytes]:
    return itertools.repeat(data * max(1, BLAST * 64 // len(data)))


def endless_data(server: Server) -> Iterator[bytes]:
    yield server.headers(1, OK_HEADERS)
    yield from _for_ever(server.data(1, bytes(16384)))


def endless_small_data(server: Server) -> Iterator[bytes]:
    yield server.headers(1, OK_HEADERS)
    yield from _for_ever(server.data(1, b"x"))


def endless_empty_data(server: Server) -> Iterator[bytes]:
    yield server.headers(1, OK_HEADERS)
    yield from _for_ever(server.data(1, b""))


def endless_ping(_: Server) -> Iterator[bytes]:
    return _for_ever(Frame(6, 0, 0, b"12345678").encode())


def endless_pong(_: Server) -> Iterator[bytes]:
    return (
        b"".join(Frame(6, 1, 0, n.to_bytes(8, "big")).encode() for n in range(i, i + 200))
        for i in itertools.count(0, 200)
    )


def endless_settings(_: Server) -> Iterator[bytes]:
    return _for_ever(frames.settings({4: 1, 3: 100}).encode())


def huge_settings(_: Server) -> Iterator[bytes]:
    return _for_ever(Frame(4, 0, 0, b"\0\x03\0\0\0\x64" * 2730).encode())


def endless_window_updates(_: Server) -> Iterator[bytes]:
    return _for_ever(frames.window_update(0, 2**31 - 1).encode() + frames.window_update(1, 2**31 - 1).encode())


def endless_interim_answers(server: Server) -> Iterator[bytes]:
    while True:
        yield b"".join(server.headers(1, [(":status", "103"), ("link", "</x>")]) for _ in range(BLAST))


def endless_trailers(server: Server) -> Iterator[bytes]:
    while True:
        yield b"".join(server.headers(1, OK_HEADERS) for _ in range(BLAST))


def endless_continuation(_: Server) -> Iterator[bytes]:
    yield Frame(1, 0, 1, b"\x88").encode()
    yield from _for_ever(Frame(9, 0, 1, b"\x88" * 100).encode())


def endless_empty_continuation(_: Server) -> Iterator[bytes]:
    yield Frame(1, 0, 1, b"\x88").encode()
    yield from _for_ever(Frame(9, 0, 1, b"").encode())


def endless_resets(_: Server) -> Iterator[bytes]:
    return _for_ever(b"".join(frames.rst_stream(stream, stream).encode() for stream in STREAMS))


def endless_goaways(server: Server) -> Iterator[bytes]:
    return _for_ever(server.goaway(2**31 - 1, 0xFFFFFFFF, b"x" * 1000))


def endless_unknown_frames(_: Server) -> Iterator[bytes]:
    return _for_ever(Frame(0xEE, 0xFF, 99, bytes(16384)).encode())


def endless_pushes(_: Server) -> Iterator[bytes]:
    return _for_ever(Frame(5, 4, 1, b"\0\0\0\2\x88").encode())


def hpack_bomb(server: Server) -> Iterator[bytes]:
    yield server.headers(1, [("x", "a" * 4000)])
    yield Frame(1, 4, 3, b"\xbe" * 16000).encode()


def huge_headers(server: Server) -> Iterator[bytes]:
    yield from (server.headers(s, [*OK_HEADERS, *((f"x-{n}", "v" * 50) for n in range(300))]) for s in STREAMS)
    yield from (server.headers(s, [("grpc-status", "0"), ("grpc-message", "%0A" * 4000)], end=True) for s in STREAMS)


def oversized_frame(_: Server) -> Iterator[bytes]:
    yield b"\xff\xff\xff\0\0\0\0\0\1"
    yield from _for_ever(bytes(16384))


def lying_length_prefixes(server: Server) -> Iterator[bytes]:
    for stream, prefix in zip(
        STREAMS, (b"\0\xff\xff\xff\xff", b"\0\0\0\0\x09", b"\x07\0\0\0\1", b"\1\0\0\0\2", b""), strict=True
    ):
        yield server.headers(stream, OK_HEADERS) + server.data(stream, prefix + b"ab")
        yield server.headers(stream, OK_TRAILERS, end=True)


def _answers(server: Server, body: bytes) -> Iterator[bytes]:
    """The same body on every stream, in frames, as far as the windows allow."""
    for stream in STREAMS:
        yield server.headers(stream, OK_HEADERS)
        for start in range(0, len(body), 16384):
            yield server.data(stream, body[start : start + 16384])
        yield server.headers(stream, OK_TRAILERS, end=True)


def countless_empty_messages(server: Server) -> Iterator[bytes]:
    return _answers(server, bytes(5 * 100_000))


def countless_services(server: Server) -> Iterator[bytes]:
    return _answers(server, frame_message(field(6, b"\x0a\x00" * 100_000)))


def endless_names(server: Server) -> Iterator[bytes]:
    return _answers(server, frame_message(field(6, b"".join(field(1, field(1, b"s" * 9000)) for _ in range(40)))))


def absurd_settings(server: Server) -> Iterator[bytes]:
    values = {1: 2**32 - 1, 2: 77, 3: 2**32 - 1, 4: 2**32 - 1, 5: 0, 6: 0, 8: 99, 0: 1, 0xFFFF: 5}
    yield server.settings(values)
    yield from (server.answer(stream) for stream in STREAMS)


def windows_of_nothing(server: Server) -> Iterator[bytes]:
    yield server.settings({4: 0, 1: 0})


ATTACKS: Final[dict[str, Attack]] = {
    attack.__name__: attack
    for attack in (
        endless_data, endless_small_data, endless_empty_data, endless_ping, endless_pong, endless_settings,
        huge_settings, endless_window_updates, endless_interim_answers, endless_trailers, endless_continuation,
        endless_empty_continuation, endless_resets, endless_goaways, endless_unknown_frames, endless_pushes,
        hpack_bomb, huge_headers, oversized_frame, lying_length_prefixes, countless_empty_messages,
        countless_services, endless_names, absurd_settings, windows_of_nothing,
    )
}  # fmt: skip

# Not HTTP/2 at all: sent as soon as the peer connects or has spoken.
RAW: Final[dict[str, tuple[Iterable[bytes], float]]] = {
    "an HTTP/1.1 head without end": (itertools.repeat(b"X-Header: " + b"y" * 1000 + b"\r\n"), 0.0),
    "an HTTP/1.1 body without end": (itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(bytes(9999))), 0.0),
    "an HTTP/1.1 answer without a status": ((b"HTTP/1.1 \r\nLocation\r\n: :\r\n\r\n",), 0.0),
    "an HTTP/1.1 answer in drips": ([bytes((b,)) for b in b"HTTP/1.1 200 OK\r\nServer: drip\r\n\r\n"], 0.1),
    "SETTINGS in drips": ([bytes((b,)) for b in frames.settings({3: 100}).encode()], 0.1),
    "garbage without end": (itertools.repeat(b"\xde\xad\xbe\xef" * 1000), 0.0),
    "zeros without end": (itertools.repeat(bytes(16384)), 0.0),
    "a text that moves the cursor": ((b"\x1b[2J\x1b]0;owned\x07 hello \x9b31m\r\n",), 0.0),
    "a TLS record with a wrong length": ((bytes.fromhex("160303ffff") + bytes(70000),), 0.0),
    "a truncated ServerHello": ((bytes.fromhex("160303004a0200004603030102"),), 0.0),
    "a ServerHello in drips": ([bytes((b,)) for b in bytes.fromhex("160303004a02000046030301020304050607")], 0.1),
    "TLS alerts without end": (itertools.repeat(bytes.fromhex("15030300020100") * 100), 0.0),
    "change_cipher_spec without end": (itertools.repeat(bytes.fromhex("140303000101") * 100), 0.0),
    "empty TLS records without end": (itertools.repeat(bytes.fromhex("1603030000") * 100), 0.0),
    "an SSLv2 record": ((bytes.fromhex("802e010002001500000010") + bytes(36),), 0.0),
}
