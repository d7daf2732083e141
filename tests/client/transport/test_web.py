"""gRPC-Web and Connect, over HTTP/1.1 and HTTP/2, against a real connect-go server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration

from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.options import Protocol
from grpcdoctor.wire.protobuf import bytes_of, integer_of
from tests.client.transport.calls import Answer, answer_of, on_channel
from tests.lab.certificates import lab_certificates
from tests.lab.connect_go import COLLECT, STREAM, UNARY, connect_go, text

TRANSPORTS = ("1.1", "2", "1.1 over TLS", "2 over TLS")
WEB = (Protocol.GRPC_WEB, Protocol.CONNECT)  # connect-go has no gRPC-Web-Text


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[bool, int]]:
    with connect_go() as plain, connect_go(tls=True) as tls:
        yield {False: plain, True: tls}


@pytest.fixture(params=WEB, ids=lambda protocol: protocol.value)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.param
    return found


@pytest.fixture(params=TRANSPORTS)
def how(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def web(ports: dict[bool, int], protocol: Protocol, how: str, path: str, asked: str, **call: Any) -> Answer:
    version, tls = how.split()[0], how.endswith("TLS")
    options: dict[str, Any] = {"protocol": protocol, "http_version": version}
    options.update(call.pop("options", {}))
    if tls:
        options["cacert"] = str(lab_certificates().ca)

    async def body(channel: Any) -> Answer:
        answer = await answer_of(channel, path, (text(asked),), server_streaming=path == STREAM, **call)
        assert channel.connection.http_version == version
        return answer

    return on_channel(f"{'grpcs' if tls else 'grpc'}://localhost:{ports[tls]}", body, **options)


def test_a_unary_call(ports: dict[bool, int], protocol: Protocol, how: str) -> None:
    answer = web(ports, protocol, how, UNARY, "say hello", metadata=(("x-sent", "yes"),))
    assert (answer.words, answer.messages) == ("OK", [text("hello")])
    headers = dict(answer.headers)
    assert (headers["x-seen"], headers["x-protocol"]) == ("yes", protocol.value.replace("-", ""))
    assert ("x-trailer", "of an answer") in answer.trailers
    assert not {name for name, _ in answer.headers} & {"content-length", "transfer-encoding", ":status"}
    assert answer.call.bytes_received


def test_a_stream(ports: dict[bool, int], protocol: Protocol, how: str) -> None:
    answer = web(ports, protocol, how, STREAM, "say one two three")
    assert (answer.words, answer.messages) == ("OK", [text(word) for word in ("one", "two", "three")])
    assert ("x-trailer", "of a stream") in answer.trailers


@pytest.mark.parametrize("path", [UNARY, STREAM])
def test_an_error_with_details(ports: dict[bool, int], protocol: Protocol, how: str, path: str) -> None:
    answer = web(ports, protocol, how, path, 'fail 9 not "now" – ever')
    assert (answer.words, answer.messages) == ('FAILED_PRECONDITION: not "now" – ever', [])
    details = answer.status.details
    assert (integer_of(details, 1), *bytes_of(details, 2)) == (9, 'not "now" – ever'.encode())
    (detail,) = (Packed.FromString(each) for each in bytes_of(details, 3))
    seconds = Duration()
    assert detail.Unpack(seconds)
    assert seconds.seconds == 1
    assert ("x-trailer", "of an error") in answer.trailers


@pytest.mark.parametrize("code", range(1, 17))
def test_every_status(ports: dict[bool, int], protocol: Protocol, code: int) -> None:
    assert web(ports, protocol, "1.1", UNARY, f"fail {code} x").status.code == code


@pytest.mark.parametrize("path", [UNARY, STREAM])
def test_compressed_both_ways(ports: dict[bool, int], protocol: Protocol, how: str, path: str) -> None:
    answer = web(ports, protocol, how, path, "size 200000", compress="gzip")
    assert (answer.words, answer.messages) == ("OK", [text("x" * 200_000)])
    assert answer.call.bytes_received < 10_000
    assert answer.call.bytes_sent


@pytest.mark.parametrize("path", [UNARY, STREAM])
def test_a_deadline(ports: dict[bool, int], protocol: Protocol, how: str, path: str) -> None:
    answer = web(ports, protocol, how, path, "wait", seconds=0.3)
    assert answer.status.name == "DEADLINE_EXCEEDED"
    sent = dict(answer.call.sent_headers)
    assert "connect-timeout-ms" in sent or "grpc-timeout" in sent


@pytest.mark.parametrize("path", [UNARY, STREAM])
def test_an_answer_larger_than_allowed(ports: dict[bool, int], protocol: Protocol, path: str) -> None:
    answer = web(ports, protocol, "1.1", path, "size 100000", options={"max_message_bytes": 1000})
    assert answer.status.name == "RESOURCE_EXHAUSTED"
    assert "larger than max" in answer.words


def test_a_method_that_is_not_there(ports: dict[bool, int], protocol: Protocol, how: str) -> None:
    answer = web(ports, protocol, how, "/lab.v1.Web/None", "x")
    assert answer.status.name == "UNIMPLEMENTED"
    assert "404 (Not Found)" in answer.words
    assert getattr(answer.call, "body_excerpt", "") == "404 page not found\n"


def test_calls_use_a_connection_again(ports: dict[bool, int], protocol: Protocol, how: str) -> None:
    version, tls = how.split()[0], how.endswith("TLS")

    async def body(channel: Any) -> None:
        await channel.connect()
        first = channel.connection
        for _ in range(3):
            assert (await answer_of(channel, UNARY, (text("say a"),))).status.ok
        assert channel.connection == first

    target = f"{'grpcs' if tls else 'grpc'}://localhost:{ports[tls]}"
    on_channel(target, body, protocol=protocol, http_version=version, cacert=str(lab_certificates().ca))


def test_many_calls_at_once(ports: dict[bool, int], protocol: Protocol) -> None:
    async def body(channel: Any) -> set[str]:
        answers = await asyncio.gather(*(answer_of(channel, UNARY, (text(f"say {n}"),)) for n in range(30)))
        assert [answer.messages for answer in answers] == [[text(str(n))] for n in range(30)]
        return {answer.words for answer in answers}

    certificates = str(lab_certificates().ca)
    for tls, version in ((False, "1.1"), (False, "2"), (True, None), (True, "1.1")):
        target = f"{'grpcs' if tls else 'grpc'}://localhost:{ports[tls]}"
        assert on_channel(target, body, protocol=protocol, http_version=version, cacert=certificates) == {"OK"}


def test_alpn_decides_where_nobody_asks_for_a_version(ports: dict[bool, int], protocol: Protocol) -> None:
    async def body(channel: Any) -> tuple[bool, str]:
        answer = await answer_of(channel, UNARY, (text("say a"),))
        return answer.status.ok, channel.connection.http_version

    for tls, version in ((False, "1.1"), (True, "2")):
        target = f"{'grpcs' if tls else 'grpc'}://localhost:{ports[tls]}"
        assert on_channel(target, body, protocol=protocol, cacert=str(lab_certificates().ca)) == (True, version)


def test_grpc_itself_works_with_that_server_too(ports: dict[bool, int]) -> None:
    answer = web(ports, Protocol.GRPC, "2", UNARY, "fail 5 gone")
    assert answer.words == "NOT_FOUND: gone"


def test_requests_cannot_stream(ports: dict[bool, int]) -> None:
    async def streams(channel: Any) -> None:
        with pytest.raises(ClientError, match="cannot stream requests"):
            await channel.call(COLLECT, client_streaming=True)

    async def second(channel: Any) -> None:
        call = await channel.call(UNARY)
        await call.send(b"")
        with pytest.raises(ClientError, match="a single request"):
            await call.send(b"")
        call.cancel()

    on_channel(f"grpc://localhost:{ports[False]}", streams, protocol=Protocol.GRPC_WEB)
    on_channel(f"grpc://localhost:{ports[False]}", second, protocol=Protocol.CONNECT)


def test_grpc_does_not_go_over_http_1() -> None:
    async def body(channel: Any) -> None:
        raise AssertionError

    with pytest.raises(ClientError, match=r"gRPC does not go over HTTP/1\.1"):
        on_channel("grpc://localhost:1", body, http_version="1.1")
