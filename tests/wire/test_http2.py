"""Http2Client: every frame is seen, every violation named, and no peer can make it work without end."""

from __future__ import annotations

import time

import pytest

from grpcdoctor.model.codes import FrameType
from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.http2 import Http2Client
from grpcdoctor.wire.limits import PROBING
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.sender import DEFAULT_WINDOW
from grpcdoctor.wire.streams import BODY_LIMIT
from tests.wire.peers import OK_HEADERS, QUESTION, SERVING, Server, greeted_client, sent_by

FRAMES_LIMIT = PROBING.frames or 0
DATA_FRAMES_LIMIT = PROBING.data_frames or 0


def test_the_client_opens_with_preface_settings_and_a_larger_window() -> None:
    client = Http2Client()
    client.start()
    assert client.outgoing.startswith(frames.PREFACE)
    assert [frame.type for frame in sent_by(client)] == [FrameType.SETTINGS, FrameType.WINDOW_UPDATE]


def test_settings_are_kept_in_order_and_acknowledged() -> None:
    client, server = Http2Client(), Server()
    client.receive(server.settings({4: 100, 3: 7}))
    assert (client.settings, client.settings_received, client.settings_acked) == (((4, 100), (3, 7)), True, False)
    assert sent_by(client) == [frames.SETTINGS_ACK]
    client.receive(server.ack())
    assert client.settings_acked


def test_one_question_is_answered() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, frame_message(b""))
    assert [(f.type, f.stream_id, f.end_stream) for f in sent_by(client)] == [(1, 1, False), (0, 1, True)]
    client.receive(server.answer(stream.id))
    reply = stream.reply("/x.Y/Z")
    assert (reply.http_status, reply.grpc_status, reply.messages, reply.ended, reply.lost) == (200, 0, 1, True, None)
    assert client.violation is None


def test_a_ping_is_answered_and_an_answer_is_noted() -> None:
    client, _ = greeted_client()
    client.receive(Frame(6, 0, 0, b"12345678").encode() + Frame(6, frames.ACK, 0, b"abcdefgh").encode())
    assert sent_by(client) == [Frame(6, frames.ACK, 0, b"12345678")]
    assert set(client.pongs) == {b"abcdefgh"}


def test_goaway_keeps_its_code_and_text_and_ends_only_the_streams_above_it() -> None:
    client, server = greeted_client()
    first, second = client.request(QUESTION, b""), client.request(QUESTION, b"")
    client.receive(server.goaway(1, 11, b"too_many_pings"))
    (goaway,) = client.goaways
    assert (goaway.code, goaway.last_stream_id, goaway.debug) == (11, 1, "too_many_pings")
    assert (first.lost, second.lost) == (None, "goaway")
    client.receive(server.answer(first.id))
    assert first.reply("/").grpc_status == 0


@pytest.mark.parametrize("code", [0, 12, 13, 14, 255, 2**32 - 1])
def test_a_goaway_of_any_code_is_only_noted(code: int) -> None:
    client, server = greeted_client()
    client.receive(server.goaway(0, code))
    assert (client.goaways[0].code, client.dead) == (code, False)


def test_a_reset_ends_its_stream_with_its_code() -> None:
    client, _ = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(frames.rst_stream(1, 8).encode())
    assert (stream.closed, stream.reset_code) == (True, 8)


def test_a_body_waits_for_the_windows() -> None:
    client, server = Http2Client(), Server()
    client.receive(server.settings({4: 10}))
    client.outgoing.clear()
    stream = client.request(QUESTION, bytes(25))
    assert [len(f.payload) for f in sent_by(client) if f.type == 0] == [10]
    client.receive(frames.window_update(1, 10).encode())
    assert [len(f.payload) for f in sent_by(client)] == [10]
    client.receive(server.settings({4: 100}))
    assert [(f.type, len(f.payload), f.end_stream) for f in sent_by(client)][-1] == (0, 5, True)
    assert stream.sent_end


def test_headers_larger_than_a_frame_are_continued() -> None:
    client, _ = greeted_client()
    client.request((*QUESTION, ("x", "".join(chr(33 + i * 7 % 90) for i in range(40000)))), b"")
    types = [(f.type, bool(f.flags & frames.END_HEADERS)) for f in sent_by(client)]
    assert types[0] == (1, False)
    assert types[-2] == (9, True)


def test_a_large_reply_gets_window_after_window() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(server.headers(1, OK_HEADERS))
    given = {0: PROBING.connection_window + DEFAULT_WINDOW, 1: 1 << 20}
    body = frame_message(bytes(3 << 20))
    for start in range(0, len(body), 16384):
        part = body[start : start + 16384]
        given = {key: value - len(part) for key, value in given.items()}
        assert min(given.values()) >= 0, "the peer would have to wait"
        client.receive(server.data(1, part))
        for frame in sent_by(client):
            given[frame.stream_id] += int.from_bytes(frame.payload, "big")
    client.receive(server.headers(1, [("grpc-status", "0")], end=True))
    reply = stream.reply("/")
    assert (reply.messages, reply.grpc_status, client.violation) == (1, 0, None)


def test_a_reply_without_end_gets_no_window_beyond_what_is_looked_at() -> None:
    client, server = greeted_client()
    stream, given, sent = client.request(QUESTION, b""), 1 << 20, 0
    client.receive(server.headers(1, OK_HEADERS))
    while given >= 16384:
        client.receive(server.data(1, bytes(16384)))
        given, sent = given - 16384, sent + 16384
        given += sum(int.from_bytes(f.payload, "big") for f in sent_by(client) if f.stream_id == 1 and f.type == 8)
    assert BODY_LIMIT <= sent <= BODY_LIMIT + (2 << 20)
    assert len(stream.body) <= BODY_LIMIT + 16384
    client.receive(server.data(1, bytes(16384)) * 2)
    assert client.violation is not None
    assert "flow-control window" in client.violation


def frame(type_: int, payload: bytes, stream: int = 0, flags: int = 0) -> bytes:
    return Frame(type_, flags, stream, payload).encode()


@pytest.mark.parametrize(
    ("data", "words", "fatal"),
    [
        (frame(4, b"12345"), "no multiple of 6", False),
        (frame(6, b"1234"), "PING", False),
        (frame(7, b"1234567"), "GOAWAY", False),
        (frame(3, b"123", 1), "RST_STREAM", False),
        (frame(8, b"12345"), "WINDOW_UPDATE", False),
        (frame(0, b"x", 9), "never opened", False),
        (frame(3, b"1234", 9), "never opened", False),
        (frame(1, b"", 0, 4), "stream 0", False),
        (frame(0, b"\x09x", 1, 8), "padding", False),
        (frame(9, b"", 1), "CONTINUATION without", True),
        (frame(1, b"\x88", 1) + frame(6, bytes(8)), "interrupted", True),
        (frame(1, b"\x88", 1) + frame(9, b"", 3, 4), "CONTINUATION without", True),
        (frame(1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 1, 4), "HPACK", True),
        (frame(1, b"\x00\x05ab", 1, 4), "HPACK", True),
        (frame(5, b"\0\0\0\2\x88", 1, 4), "PUSH_PROMISE", True),
        (b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", "16385 bytes", True),
    ],
)
def test_each_violation_is_named_and_only_what_cannot_be_read_on_is_fatal(data: bytes, words: str, fatal: bool) -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(data)
    assert client.violation is not None
    assert words in client.violation
    assert client.dead is fatal
    client.receive(server.answer(1))
    assert stream.reply("/").grpc_status == (None if fatal else 0)
    assert stream.lost == ("protocol-error" if fatal else None)


def test_the_first_violation_is_kept() -> None:
    client, _ = greeted_client()
    client.receive(frame(6, b"1") + frame(4, b"1"))
    assert client.violation is not None
    assert "PING" in client.violation
    assert client.violation_frame == "PING stream 0, 1 bytes"


def test_a_first_frame_that_is_not_settings_is_a_violation_and_read_all_the_same() -> None:
    client, server = Http2Client(), Server()
    client.receive(frame(6, bytes(8)) + server.settings({3: 1}))
    assert client.violation is not None
    assert "not SETTINGS" in client.violation
    assert client.settings == ((3, 1),)


def test_unknown_frames_flags_and_settings_are_ignored() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(frame(0xEE, b"grease", 1, 0xFF) + server.settings({0x1A2A: 5}) + server.answer(1))
    assert (client.violation, stream.reply("/").grpc_status) == (None, 0)


def test_a_header_bomb_is_refused_at_its_decoded_size() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"")
    client.receive(server.headers(1, [("x", "a" * 4000)]))  # into the dynamic table; then one byte each
    started = time.process_time()
    client.receive(frame(1, b"\xbe" * 16000, 1, 4))
    assert time.process_time() - started < 1
    assert client.violation is not None
    assert "HPACK" in client.violation


def test_endless_continuation_is_cut_at_the_limit_without_quadratic_time() -> None:
    client, _ = greeted_client()
    client.request(QUESTION, b"")
    client.receive(frame(1, b"\x88", 1))
    started, sent = time.process_time(), 0
    while not client.dead:
        client.receive(frame(9, b"\x88" * 100, 1))
        sent += 100
    assert sent <= PROBING.header_list + 200
    assert time.process_time() - started < 1


def test_a_varint_without_end_costs_no_quadratic_time_and_is_quoted_in_brief() -> None:
    client, _ = greeted_client()
    client.request(QUESTION, b"")
    data = frame(1, b"\x7f" + b"\xff" * 16000, 1) + frame(9, b"\xff" * 16000, 1) + frame(9, b"\xff" * 16000, 1, 4)
    started = time.process_time()
    client.receive(data)
    assert time.process_time() - started < 1
    assert client.violation is not None
    assert len(client.violation) < 500


@pytest.mark.parametrize(
    "flood",
    [
        frame(6, bytes(8)),
        frames.settings({4: 2**31 - 1}).encode(),
        frames.window_update(0, 2**31 - 1).encode(),
        frames.window_update(1, 2**31 - 1).encode(),
        frames.rst_stream(1, 5).encode(),
        frame(0xEE, b""),
        frame(0, b"", 1),
        frame(7, bytes(8)),
        frame(9, b"", 1),
    ],
)
def test_a_flood_of_small_frames_ends_the_connection(flood: bytes) -> None:
    client, _ = greeted_client()
    client.request(QUESTION, frame_message(b"x" * 100))
    client.receive(flood * (FRAMES_LIMIT + 5))
    assert client.dead
    assert len(client.kept) <= PROBING.frames_kept
    assert len(client.goaways) <= 16
    assert len(client.settings) <= 64


def test_a_busy_stream_of_small_messages_is_no_flood() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    message = server.data(1, frame_message(b"tick"))
    client.receive(server.headers(1, OK_HEADERS) + message * 50_000)
    assert (client.violation, stream.reply("/").messages) == (None, 50_000)


def test_data_of_one_byte_each_is_bounded_too() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"")
    client.receive(server.headers(1, OK_HEADERS))
    client.receive(server.data(1, b"x") * (DATA_FRAMES_LIMIT + 1))
    assert client.dead


def test_interim_answers_are_dropped_however_many() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(b"".join(server.headers(1, [(":status", "103")]) for _ in range(500)) + server.answer(1))
    assert (stream.reply("/").http_status, stream.reply("/").grpc_status) == (200, 0)


def test_what_comes_behind_the_end_of_a_stream_changes_nothing() -> None:
    client, server = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(server.answer(1))
    before = stream.reply("/")
    client.receive(server.data(1, b"more") + server.headers(1, [("grpc-status", "13")], end=True))
    assert stream.reply("/") == before


def test_bytes_that_are_no_utf8_stay_visible_in_headers() -> None:
    client, _ = greeted_client()
    stream = client.request(QUESTION, b"")
    client.receive(frame(1, b"\x88\x00\x01x\x03a\xffb", 1, 5))
    assert stream.reply("/").header("x") == "a?b"


def test_reordered_answers_find_their_streams() -> None:
    client, server = greeted_client()
    first, second = client.request(QUESTION, b""), client.request(QUESTION, b"")
    client.receive(server.answer(3) + server.answer(1, frame_message(b"") * 2))
    assert (first.reply("/").messages, second.reply("/").messages) == (2, 1)
    assert SERVING in bytes(second.body)
