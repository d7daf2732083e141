"""How calls end: every row was compared with the real grpcurl 1.9.4 (grpc-go 1.83), which says the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from grpcdoctor.model.codes import Setting
from tests.client.transport.answers import (
    BOMB,
    DONE,
    OK,
    ZIPPED,
    Respond,
    answer,
    begun,
    details,
    encoded,
    goaway,
    hang_up,
    headers,
    in_turn,
    reset,
    tcp_reset,
    trailers_only,
    web_page,
)
from tests.client.transport.calls import SERVING as PAYLOAD
from tests.client.transport.calls import Answer, answer_of, ask, on_channel
from tests.lab import fakes
from tests.lab.fake_http2 import GRPC, SERVING, Http2Peer, Request

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel

RESET = "stream terminated by RST_STREAM with error code: "
HTTP = "unexpected HTTP status code received from server: "
PLAIN = 'transport: received unexpected content-type "text/plain"\ndata: "no"'
NO_TYPE = "malformed header: missing HTTP content-type"

ROWS: dict[str, tuple[Respond, str]] = {
    "healthy": (answer(), "OK"),
    "early hints before the answer": (in_turn(headers((":status", "103")), answer()), "OK"),
    "no trailers": (answer(trailers=None), "INTERNAL: server closed the stream without sending trailers"),
    "trailers without grpc-status": (answer(trailers=(("x", "y"),)), "UNKNOWN"),
    "headers alone": (trailers_only(), "UNKNOWN"),
    "503 that calls itself gRPC": (trailers_only(status="503"), "UNKNOWN"),
    "404 with a grpc-status": (trailers_only(("grpc-status", "5"), status="404"), "NOT_FOUND"),
    "a status that is a word": (
        answer(trailers=(("grpc-status", "abc"),)),
        'UNKNOWN: transport: malformed grpc-status: strconv.ParseInt: parsing "abc": invalid syntax',
    ),
    "a status beyond 32 bits": (
        answer(trailers=(("grpc-status", "99999999999"),)),
        'UNKNOWN: transport: malformed grpc-status: strconv.ParseInt: parsing "99999999999": value out of range',
    ),
    "a negative status": (answer(trailers=(("grpc-status", "-1"),)), "0xffffffff"),
    "a status that nobody knows": (
        answer(trailers=(("grpc-status", "999"), ("grpc-message", "a%20b%zz%c3%a9%"))),
        "0x3e7: a b%zzé%",
    ),
    "no content-type": (
        answer(((":status", "200"),), (b"hello",)),
        f'UNKNOWN: {HTTP}200 (OK); {NO_TYPE}\ndata: "hello"',
    ),
    "a web page": (
        web_page("200", "text/html", b'<html>\x00\xff"\n'),
        f'UNKNOWN: {HTTP}200 (OK); transport: received unexpected content-type "text/html"\n'
        r'data: "<html>\x00\xff\"\n"',
    ),
    "a long web page": (
        web_page("404", "text/html", b"x" * 3000),
        f'UNIMPLEMENTED: {HTTP}404 (Not Found); transport: received unexpected content-type "text/html"\n'
        f'data: "{"x" * 1024}"',
    ),
    "nothing but a status": (headers((":status", "521"), end=True), f"UNKNOWN: {HTTP}521 (); {NO_TYPE}"),
    "an HTTP status that is a word": (
        headers((":status", "abc"), end=True),
        'INTERNAL: transport: malformed http-status: strconv.Atoi: parsing "abc": invalid syntax',
    ),
    "no HTTP status, but gRPC": (answer((GRPC,)), "OK"),
    "no HTTP status and no gRPC": (
        headers(("x", "y"), end=True),
        f"INTERNAL: malformed header: missing HTTP status; {NO_TYPE}",
    ),
    "early hints that end the stream": (
        headers((":status", "103"), end=True),
        "INTERNAL: protocol error: informational header with status code 103 must not have END_STREAM set",
    ),
    "headers in the middle": (
        in_turn(headers(*OK), headers(("a", "b"))),
        "INTERNAL: a HEADERS frame cannot appear in the middle of a stream",
    ),
    "broken base64": (
        answer((*OK, ("x-bin", "AA!"))),
        "INTERNAL: transport: malformed x-bin: illegal base64 data at input byte 2",
    ),
    "broken base64 in the trailers": (
        answer(trailers=(*DONE, ("x-bin", "!!!"))),
        "INTERNAL: transport: malformed x-bin: illegal base64 data at input byte 0",
    ),
    "cut in a message, whatever the status": (
        answer(body=(SERVING[:6],), trailers=(("grpc-status", "5"),)),
        "INTERNAL: unexpected EOF",
    ),
    "cut in a message, no trailers": (answer(body=(SERVING[:6],), trailers=None), "INTERNAL: unexpected EOF"),
    "cut in a prefix": (answer(body=(SERVING[:4],)), "OK"),
    "flags that nobody knows": (
        answer(body=(b"\2" + SERVING[1:],)),
        "INTERNAL: grpc: received unexpected payload format 2",
    ),
    "compressed, in no encoding": (
        answer(body=(b"\1" + SERVING[1:],)),
        "INTERNAL: grpc: compressed flag set with identity or empty encoding",
    ),
    "compressed, in identity": (
        encoded("identity", b"\x08\x01"),
        "INTERNAL: grpc: compressed flag set with identity or empty encoding",
    ),
    "compressed, in an encoding that is not ours": (
        encoded("snappy", b"\x08\x01"),
        'INTERNAL: grpc: Decompressor is not installed for grpc-encoding "snappy"',
    ),
    "compressed": (encoded("gzip", ZIPPED), "OK"),
    "compressed and cut": (
        encoded("gzip", ZIPPED[:10]),
        "INTERNAL: grpc: failed to read decompressed data: unexpected EOF",
    ),
    "a bomb": (
        encoded("gzip", BOMB),
        "RESOURCE_EXHAUSTED: grpc: received message after decompression larger than max 4194304",
    ),
    "a bomb of many members": (
        encoded("gzip", ZIPPED * 5000),
        "INTERNAL: grpc: failed to read decompressed data: more than 100 members",
    ),
    "a message without end": (
        answer(body=(b"\0\xff\xff\xff\xff",)),
        "RESOURCE_EXHAUSTED: grpc: received message larger than max (4294967295 vs. 4194304)",
    ),
    "details": (answer(body=(), trailers=(("grpc-status", "3"), details(3, b"BAD"))), "INVALID_ARGUMENT: BAD"),
    "details of another status": (
        answer(body=(), trailers=(("grpc-status", "3"), ("grpc-message", "bad"), details(5, b"BAD"))),
        'INTERNAL: grpc-status-details-bin mismatch: grpc-status=INVALID_ARGUMENT, grpc-message="bad", '
        "the code in grpc-status-details-bin is NOT_FOUND",
    ),
    "details that are none": (
        answer(body=(), trailers=(("grpc-status", "3"), ("grpc-message", "b"), ("grpc-status-details-bin", "//8"))),
        "INVALID_ARGUMENT: b",
    ),
    "details twice": (
        answer(body=(), trailers=(("grpc-status", "3"), ("grpc-message", "b"), *[details(3, b"BAD")] * 2)),
        "INVALID_ARGUMENT: b",
    ),
    "hung up": (hang_up, "UNAVAILABLE: error reading from server: EOF"),
    "hung up after headers": (in_turn(headers(*OK), hang_up), "UNAVAILABLE: error reading from server: EOF"),
    "reset": (tcp_reset, "UNAVAILABLE: error reading from server: connection reset by peer"),
    "GOAWAY, then hung up": (
        in_turn(goaway(11, b"too_many_pings", 99), hang_up),
        'UNAVAILABLE: closing transport due to: connection error: desc = "error reading from server: EOF", '
        'received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"',
    ),
    "GOAWAY, and not processed": (goaway(0, b"", 0), "UNAVAILABLE: the connection is draining"),
    "GOAWAY with a reason": (
        goaway(2, b"so", 0),
        'UNAVAILABLE: the connection is draining (GOAWAY, code: INTERNAL_ERROR, debug data: "so")',
    ),
    "RST_STREAM NO_ERROR": (reset(0), f"INTERNAL: {RESET}NO_ERROR"),
    "RST_STREAM PROTOCOL_ERROR": (reset(1), f"INTERNAL: {RESET}PROTOCOL_ERROR"),
    "RST_STREAM INTERNAL_ERROR": (reset(2), f"INTERNAL: {RESET}INTERNAL_ERROR"),
    "RST_STREAM FLOW_CONTROL_ERROR": (reset(3), f"RESOURCE_EXHAUSTED: {RESET}FLOW_CONTROL_ERROR"),
    "RST_STREAM SETTINGS_TIMEOUT": (reset(4), f"INTERNAL: {RESET}SETTINGS_TIMEOUT"),
    "RST_STREAM STREAM_CLOSED": (reset(5), f"INTERNAL: {RESET}STREAM_CLOSED"),
    "RST_STREAM FRAME_SIZE_ERROR": (reset(6), f"INTERNAL: {RESET}FRAME_SIZE_ERROR"),
    "RST_STREAM REFUSED_STREAM": (reset(7), f"UNAVAILABLE: {RESET}REFUSED_STREAM"),
    "RST_STREAM CANCEL": (reset(8), f"CANCELLED: {RESET}CANCEL"),
    "RST_STREAM COMPRESSION_ERROR": (reset(9), f"INTERNAL: {RESET}COMPRESSION_ERROR"),
    "RST_STREAM CONNECT_ERROR": (reset(10), f"INTERNAL: {RESET}CONNECT_ERROR"),
    "RST_STREAM ENHANCE_YOUR_CALM": (reset(11), f"RESOURCE_EXHAUSTED: {RESET}ENHANCE_YOUR_CALM"),
    "RST_STREAM INADEQUATE_SECURITY": (reset(12), f"PERMISSION_DENIED: {RESET}INADEQUATE_SECURITY"),
    "RST_STREAM HTTP_1_1_REQUIRED": (reset(13), f"INTERNAL: {RESET}HTTP_1_1_REQUIRED"),
    "RST_STREAM 14": (reset(14), f"UNKNOWN: {RESET}unknown error code 0xe"),
    "RST_STREAM after a message": (reset(2, begun), f"INTERNAL: {RESET}INTERNAL_ERROR"),
    "301": (web_page("301"), f"UNKNOWN: {HTTP}301 (Moved Permanently); {PLAIN}"),
    "400": (web_page("400"), f"INTERNAL: {HTTP}400 (Bad Request); {PLAIN}"),
    "401": (web_page("401"), f"UNAUTHENTICATED: {HTTP}401 (Unauthorized); {PLAIN}"),
    "403": (web_page("403"), f"PERMISSION_DENIED: {HTTP}403 (Forbidden); {PLAIN}"),
    "415": (web_page("415"), f"UNKNOWN: {HTTP}415 (Unsupported Media Type); {PLAIN}"),
    "429": (web_page("429"), f"UNAVAILABLE: {HTTP}429 (Too Many Requests); {PLAIN}"),
    "464": (web_page("464"), f"UNKNOWN: {HTTP}464 (); {PLAIN}"),
    "500": (web_page("500"), f"UNKNOWN: {HTTP}500 (Internal Server Error); {PLAIN}"),
    "502": (web_page("502"), f"UNAVAILABLE: {HTTP}502 (Bad Gateway); {PLAIN}"),
    "503": (web_page("503"), f"UNAVAILABLE: {HTTP}503 (Service Unavailable); {PLAIN}"),
    "504": (web_page("504"), f"UNAVAILABLE: {HTTP}504 (Gateway Timeout); {PLAIN}"),
}


def answer_to(respond: Respond) -> Answer:
    with fakes.http2(respond) as server:
        return ask(server.port)


@pytest.mark.parametrize(("respond", "words"), ROWS.values(), ids=ROWS.keys())
def test_a_call_ends_as_with_grpc_go(respond: Respond, words: str) -> None:
    assert answer_to(respond).words == words


def test_what_came_before_the_end_is_delivered() -> None:
    for respond in (reset(2, begun), in_turn(begun, hang_up), answer(body=(SERVING, SERVING[:6]))):
        answer_of_it = answer_to(respond)
        assert answer_of_it.messages == [PAYLOAD]
        assert ("content-type", "application/grpc") in answer_of_it.headers


def test_headers_and_trailers_are_shown_as_grpc_go_shows_them() -> None:
    fields = (
        *OK,
        ("user-agent", "u"),
        ("grpc-encoding", "identity"),
        ("te", "t"),
        ("x-bin", "AQ"),
        ("x", "1"),
        ("x", "2"),
    )
    bad = (("grpc-status", "3"), ("grpc-message", "m"), details(3, b"m"), ("x-bin", "AQ=="))
    told = answer_to(answer(fields, trailers=bad))
    assert told.headers == (GRPC, ("user-agent", "u"), ("x-bin", "AQ=="), ("x", "1"), ("x", "2"))
    assert told.trailers == (("grpc-status-details-bin", "CAMSAW0="), ("x-bin", "AQ=="))
    assert (told.status.details, told.status.from_peer) == (b"\x08\x03\x12\x01m", True)


def test_a_response_that_is_not_grpcs_shows_no_headers_but_how_its_body_begins() -> None:
    told = answer_to(web_page("502", "text/html", b"upstream said Bearer abcdefghijklmnop"))
    assert (told.headers, told.trailers, told.call.status) == ((), (), told.status)
    assert not told.status.from_peer
    assert "abcdefghijklmnop" not in told.words
    assert getattr(told.call, "body_excerpt", "") == "upstream said Bearer [redacted]"
    assert getattr(told.call, "http_status", 0) == 502


@pytest.mark.parametrize(("respond", "connections"), [(reset(7), 1), (goaway(0, b"", 0), 2), (hang_up, 1)])
def test_what_a_server_surely_did_not_process_is_put_once_more(respond: Respond, connections: int) -> None:
    seen: list[bytes] = []

    def note(peer: Http2Peer, request: Request) -> None:
        seen.append(request.data)
        respond(peer, request)

    with fakes.http2(note) as server:
        assert ask(server.port, requests=(b"once",)).status.name == "UNAVAILABLE"
    unprocessed = respond is not hang_up
    assert (len(seen), server.connections) == (2 if unprocessed else 1, connections)
    assert len(set(seen)) == 1


def test_the_second_attempt_may_succeed() -> None:
    attempts: list[int] = []

    def refuse_once(peer: Http2Peer, request: Request) -> None:
        attempts.append(request.stream)
        (answer() if len(attempts) > 1 else reset(7))(peer, request)

    with fakes.http2(refuse_once) as server:
        told = ask(server.port)
    assert (told.words, told.messages, attempts) == ("OK", [PAYLOAD], [1, 3])


async def two(channel: Channel) -> list[str]:
    """How two calls end that are put at once."""
    return [each.words for each in await asyncio.gather(answer_of(channel), answer_of(channel))]


def test_a_server_that_counts_its_streams_late_is_asked_until_it_has_room() -> None:
    attempts: list[int] = []

    def refuse_the_second_thrice(peer: Http2Peer, request: Request) -> None:
        attempts.append(request.stream)
        (reset(7) if 1 < len(attempts) < 5 else answer())(peer, request)

    with fakes.http2(refuse_the_second_thrice, {Setting.MAX_CONCURRENT_STREAMS: 1}) as server:
        assert on_channel(f"grpc://127.0.0.1:{server.port}", two) == ["OK", "OK"]
    assert attempts == [1, 3, 5, 7, 9]


def test_a_server_that_never_has_room_is_not_asked_for_ever() -> None:
    attempts: list[int] = []

    def refuse_the_second(peer: Http2Peer, request: Request) -> None:
        attempts.append(request.stream)
        (answer() if len(attempts) == 1 else reset(7))(peer, request)

    with fakes.http2(refuse_the_second, {Setting.MAX_CONCURRENT_STREAMS: 1}) as server:
        assert on_channel(f"grpc://127.0.0.1:{server.port}", two) == ["OK", f"UNAVAILABLE: {RESET}REFUSED_STREAM"]
    assert len(attempts) == 10  # the call that was answered, the one that was not, and its eight retries
