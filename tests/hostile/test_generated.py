"""At least 20,000 generated cases, sans I/O: never an exception, never an unbounded answer, never a bug of ours."""

from __future__ import annotations

import contextlib
import gc
import json
import random
import ssl
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.methods import find_method
from grpcdoctor.diagnosis.engine import report_of
from grpcdoctor.diagnosis.saved import SavedRunError, replay_run, save_run
from grpcdoctor.model.codec import encode
from grpcdoctor.model.facts.http2 import Http1Answer
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.wire import frames
from grpcdoctor.wire.certificates import read_certificate, trusted_relative
from grpcdoctor.wire.first_bytes import enough_to_tell, first_bytes_of, spoken_by
from grpcdoctor.wire.frames import Frame, FrameError, FrameSplitter
from grpcdoctor.wire.http1 import BODY_KEPT, parse_answer
from grpcdoctor.wire.messages import decode_status_message, split_messages
from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, field, integer_of, read_fields, text
from grpcdoctor.wire.tls import NotTlsError, TlsClient, TlsSettings, context_for
from tests.hostile.cases import CASES, run_cases
from tests.hostile.driven import Driven
from tests.hostile.mutations import BYTE_OPERATIONS, FRAME_OPERATIONS, KINDS, in_pieces, mutated, mutated_frames
from tests.hostile.recorded import healthy_frames, healthy_pieces
from tests.hostile.screens import assert_safe
from tests.lab.certificates import Certificates
from tests.wire.peers import Server
from tests.wire.test_certificates import der
from tests.wire.test_tls import TlsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MEBIBYTE = 1 << 20
SIZES = st.sampled_from((1, 7, 64, 1000, 1 << 20))


def test_the_cases_are_at_least_twenty_thousand() -> None:
    assert sum(CASES.values()) >= 20_000


def test_the_recording_is_healthy_when_nothing_is_broken() -> None:
    driven = Driven(healthy_pieces()[1:], healthy_pieces()[0])
    driven.check_invariants()
    client = driven.connection.client
    assert (client.violation, [s.reply("/").grpc_status is not None for s in driven.streams]) == (None, [True] * 5)


def test_mutated_bytes_of_a_healthy_server() -> None:
    greeting, answers = healthy_pieces()[0], b"".join(healthy_pieces()[1:])

    def body(case: tuple[list[Any], int, bool]) -> None:
        operations, size, greeting_too = case
        first = mutated(greeting, operations) if greeting_too else greeting
        Driven(in_pieces(mutated(answers, operations), size), first).check_invariants()

    run_cases("bytes of a healthy server, mutated", st.tuples(BYTE_OPERATIONS, SIZES, st.booleans()), body)


def test_nothing_of_a_finished_case_is_kept_in_memory() -> None:
    answers, chance = b"".join(healthy_pieces()[1:]), random.Random(7)

    def rounds(count: int) -> None:
        for _ in range(count):
            operations = [(chance.choice(KINDS), chance.randrange(1 << 20), chance.randrange(256)) for _ in range(4)]
            Driven([mutated(answers, operations)], healthy_pieces()[0]).check_invariants()

    rounds(50)  # what is made once and kept is made
    tracemalloc.start()
    try:
        rounds(300)
        gc.collect()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MEBIBYTE
    assert peak < 16 * MEBIBYTE


def test_mutated_and_reordered_frames_of_a_healthy_server() -> None:
    def body(case: tuple[list[Any], int]) -> None:
        operations, size = case
        data = b"".join(f.encode() for f in mutated_frames(healthy_frames(), operations))
        Driven(in_pieces(data, size)).check_invariants()

    run_cases("frames of a healthy server, mutated and reordered", st.tuples(FRAME_OPERATIONS, SIZES), body)


FRAMES = st.builds(
    Frame,
    st.one_of(st.integers(0, 10), st.integers(0, 255)),
    st.one_of(st.sampled_from((0, 1, 4, 5, 8, 0x20)), st.integers(0, 255)),
    st.sampled_from((0, 0, 1, 1, 1, 2, 3, 5, 7, 99, 2**31 - 1)),
    st.one_of(
        st.binary(max_size=24), st.just(b"\x88"), st.sampled_from((bytes(4), bytes(8), b"\xff" * 4, b"\xff" * 8))
    ),
)


def test_random_frames() -> None:
    def body(found: list[Frame]) -> None:
        Driven([frame.encode() for frame in found], frames.settings({3: 100}).encode()).check_invariants()

    run_cases("random frames", st.lists(FRAMES, min_size=1, max_size=20), body)


NAMES = st.one_of(
    st.sampled_from(
        (":status", "grpc-status", "grpc-message", "content-type", "set-cookie", "server", "location", "via")
    ),
    st.text(max_size=12),
)
VALUES = st.one_of(
    st.sampled_from(
        ("200", "404", "0", "14", "application/grpc", "text/html", "\x1b[31mred\x1b[0m", "\r\nX: y", "%1b[2J")
    ),
    st.text(max_size=60),
)
NO_SURROGATES = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def test_headers_of_any_content_are_shown_and_never_obeyed() -> None:
    def body(case: tuple[list[tuple[str, str]], list[tuple[str, str]], bytes, bytes]) -> None:
        headers, trailers, page, debug = case
        server = Server()
        try:
            data = server.headers(1, [(":status", "200"), *headers]) + server.data(1, page)
            data += server.headers(1, trailers, end=True) + server.headers(3, headers, end=True)
        except UnicodeEncodeError:  # lone surrogates: no server can send them
            data = b""
        driven = Driven([data + server.goaway(3, 2, debug)], server.settings())
        driven.check_invariants()
        assert_safe(report_of(driven.run(), "2026-01-01T00:00:00Z", 1.0))

    strategy = st.tuples(NO_SURROGATES, NO_SURROGATES, st.binary(max_size=40), st.binary(max_size=20))
    run_cases("headers of any content", strategy, body)


def test_mutated_frames_are_judged_and_rendered() -> None:
    def body(case: tuple[list[Any], list[Any]]) -> None:
        on_frames, on_bytes = case
        data = b"".join(f.encode() for f in mutated_frames(healthy_frames(), on_frames))
        assert_safe(report_of(Driven([mutated(data, on_bytes[:2])]).run(), "2026-01-01T00:00:00Z", 1.0))

    strategy = st.tuples(FRAME_OPERATIONS, BYTE_OPERATIONS)
    run_cases("mutated frames, judged and rendered", strategy, body)


def feed_tls(client: TlsClient, data: bytes) -> None:
    """As TlsStream does it; OpenSSL's own errors are the only ones."""
    try:
        client.receive(data)
        while client.established and client.decrypted():
            pass
    except (NotTlsError, ssl.SSLError):
        client.pending()
    assert len(client.first_bytes) <= 64
    assert len(client.alerts) < 100


RECORDS = st.builds(
    lambda kind, version, length, payload: (
        bytes((kind, *version)) + (length or len(payload)).to_bytes(2, "big") + payload
    ),
    st.sampled_from((20, 21, 22, 22, 23, 24, 0, 255)),
    st.sampled_from(((3, 3), (3, 1), (3, 4), (2, 0), (3, 255))),
    st.sampled_from((0, 0, 0, 1, 5, 16384, 16385, 65535)),
    st.one_of(st.binary(max_size=80), st.just(b"\2\x28"), st.just(b"\1\0"), st.just(bytes.fromhex("020000460303"))),
)


def test_random_tls_records() -> None:
    context = context_for(TlsSettings(verify=False))

    def body(records: list[bytes]) -> None:
        client = TlsClient(context, "localhost")
        client.start()
        for record in records:
            feed_tls(client, record)

    run_cases("random TLS records", st.lists(RECORDS, min_size=1, max_size=6), body)


def test_a_live_tls_servers_flight_mutated(certificates: Certificates) -> None:
    contexts = [certificates.server_context(alpn=["h2"]) for _ in range(2)]
    contexts[1].maximum_version = ssl.TLSVersion.TLSv1_2
    context = context_for(TlsSettings(verify=False))

    def body(case: tuple[list[Any], int, bool]) -> None:
        operations, old, later = case
        client, server = TlsClient(context, "localhost"), TlsServer(contexts[old])
        flight = server.receive(client.start())
        if not later:
            feed_tls(client, mutated(flight, operations) or flight)
            return
        answer = client.receive(flight)
        try:
            rest = server.receive(answer)
            rest += server.send(b"hello") if server.done else b""
        except ssl.SSLError:
            rest = b""
        feed_tls(client, mutated(rest + b"\x17\x03\x03\0\x05hello", operations))
        assert isinstance(client.chain(), tuple)

    strategy = st.tuples(BYTE_OPERATIONS, st.integers(0, 1), st.booleans())
    run_cases("a live TLS server's flight, mutated", strategy, body)


def test_mutated_certificates(certificates: Certificates) -> None:
    pairs = (certificates.good, certificates.expired, certificates.self_signed)
    originals = [*(der(pair.cert) for pair in pairs), der(certificates.ca)]

    def body(case: tuple[list[Any], int]) -> None:
        operations, which = case
        data = mutated(originals[which], operations)
        json.dumps(encode(read_certificate(data)))
        trusted_relative(data, originals)
        trusted_relative(originals[0], [data])

    run_cases("certificates, mutated", st.tuples(BYTE_OPERATIONS, st.integers(0, 3)), body)


HTTP1_ANSWERS = (
    b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 503 \xff\xfe\r\nX: \x1b[31m\r\n folded\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + bytes(40),
)


def test_mutated_http1_answers() -> None:
    def body(case: tuple[list[Any], int]) -> None:
        operations, which = case
        answer = parse_answer(mutated(HTTP1_ANSWERS[which], operations))
        assert answer is None or isinstance(answer, Http1Answer)
        assert answer is None or len(answer.body) <= BODY_KEPT
        json.dumps(encode(answer))

    run_cases("HTTP/1.1 answers, mutated", st.tuples(BYTE_OPERATIONS, st.integers(0, 3)), body)


def test_random_first_bytes() -> None:
    starts = st.sampled_from(
        (b"", b"HTTP/1.1 ", b"SSH-", b"\x15\x03", b"\x16\x03", b"\0\0\0\4\0\0\0\0\0", b"\0\0\6\4\0")
    )

    def body(case: tuple[bytes, bytes]) -> None:
        data = b"".join(case) or b"x"
        assert spoken_by(data) in ("h2", "http/1.1", "tls", "ssh", "garbage")
        enough_to_tell(data)
        facts = first_bytes_of(data, 1.0)
        assert len(facts.data) <= 128
        with contextlib.suppress(FrameError):
            FrameSplitter().feed(data)

    run_cases("random first bytes", st.tuples(starts, st.binary(max_size=100)), body)


SERVICES = b"".join(field(1, field(1, name)) for name in (b"a.B", b"grpc.health.v1.Health"))
MESSAGES = (b"\x08\x01", field(6, SERVICES), field(7, b"\x08\x0c" + field(2, b"nope")), b"\x12\x03abc\x19" + bytes(8))


def schema() -> bytes:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
    message = file.message_type.add(name="M")
    message.field.add(name="m", number=1, type=11, label=1, type_name=".a.M")
    file.service.add(name="S").method.add(name="Do", input_type=".a.M", output_type=".a.M")
    return file.SerializeToString()


def test_mutated_protobuf_messages() -> None:
    file = schema()

    def body(case: tuple[list[Any], int, bool]) -> None:
        operations, which, as_schema = case
        message = mutated(file if as_schema else MESSAGES[which], operations)
        try:
            for _ in read_fields(message):
                pass
            integer_of(message, 1)
            for entry in bytes_of(message, 6):
                text(entry)
        except ProtobufError:
            pass
        messages, rest = split_messages(message)
        assert sum(map(len, messages)) + 5 * len(messages) + len(rest) == len(message)
        decode_status_message(message.decode("latin-1"))
        if as_schema:
            _link(message)

    strategy = st.tuples(BYTE_OPERATIONS, st.integers(0, 3), st.booleans())
    run_cases("protobuf messages, mutated", strategy, body)


def _link(file: bytes) -> None:
    """The client's way from a reflection answer to a method: a schema, or a ClientError."""

    class Asker:
        async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
            return [field(4, field(1, file)) for _ in questions]

    try:
        find_method(ReflectionSource.over(Asker()), "a.S/Do").send(None)  # never waits: the first step is the last
    except (StopIteration, ClientError):
        pass


def test_mutated_saved_runs(tmp_path: Path) -> None:
    driven = Driven(healthy_pieces()[1:], healthy_pieces()[0])
    path = tmp_path / "run.json"
    save_run(str(path), report_of(driven.run(), "2026-01-01T00:00:00Z", 1.0), ProbeOptions())
    saved = path.read_bytes()

    def body(operations: list[Any]) -> None:
        path.write_bytes(mutated(saved, operations))
        with contextlib.suppress(SavedRunError):
            assert_safe(replay_run(str(path)))

    run_cases("saved runs, mutated", BYTE_OPERATIONS, body)
