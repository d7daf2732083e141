"""Health over one connection: Check, List and Watch of real servers, and of some that no server should be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from grpcdoctor.client.health_check import HealthQuestion, HealthResult, examine, examine_until_healthy
from grpcdoctor.client.health_watching import watch_service
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.protobuf import field, integer_field
from tests.lab import fakes
from tests.lab.fake_http2 import GRPC, Http2Peer, Request
from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import grpc_server
from tests.lab.interop import PROGRAMS, interop_server
from tests.lab.processes import free_port
from tests.patience import AT_ONCE


def options_for(port: int, **more: Any) -> ChannelOptions:
    return ChannelOptions(parse_target(f"grpc://127.0.0.1:{port}"), **more)


def ask(port: int, *services: str, **question: Any) -> HealthResult:
    asked = HealthQuestion(services=services or ("",), **{"rpc_seconds": 3.0, **question})
    return asyncio.run(examine(options_for(port, connect_timeout=3.0), asked))


def told(result: HealthResult) -> list[tuple[str, str]]:
    """(service, its health or the status of the failed call)"""
    return [(one.service, one.serving or str(one.status)) for one in result.services]


class WithoutWatch(health.HealthServicer):
    """As servers are that were written before there was a Watch."""

    def Watch(self, request: Any, context: Any, send_response_callback: Any = None) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "no Watch here")


@contextmanager
def changing_server(port: int = 0, watch: bool = True) -> Iterator[tuple[int, health.HealthServicer]]:
    """A real server whose health the test sets."""
    server = grpc.server(ThreadPoolExecutor(8))
    servicer = health.HealthServicer() if watch else WithoutWatch()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    add: Any = health_pb2_grpc.add_HealthServicer_to_server
    add(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield bound, servicer
    finally:
        server.stop(0).wait(5)


def test_several_services_are_asked_on_one_connection() -> None:
    def respond(peer: Http2Peer, request: Request) -> None:
        asked = request.data[7:].decode()
        answer = integer_field(1, {"": 1, "shop.Cart": 2}.get(asked, 3))
        answer_with(peer, request, answer)

    with fakes.http2(respond) as server:
        result = ask(server.port, "", "shop.Cart", "x")
        assert server.connections == 1
    assert told(result) == [("", "SERVING"), ("shop.Cart", "NOT_SERVING"), ("x", "SERVICE_UNKNOWN")]
    assert not result.healthy
    assert result.stage is None
    assert result.reason == "the status is NOT_SERVING"


def answer_with(peer: Http2Peer, request: Request, *messages: bytes) -> None:
    peer.headers(request.stream, [(":status", "200"), GRPC])
    for message in messages:
        peer.data(request.stream, b"\0" + len(message).to_bytes(4, "big") + message)
    peer.headers(request.stream, [("grpc-status", "0")], end=True)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([b"\x08"], "INTERNAL: the server's answer is no HealthCheckResponse: cut short"),
        ([b"\x08\x07"], "7"),
        ([b""], "UNKNOWN"),
        ([], "INTERNAL: the server answered OK without a message"),
        ([b"\x08\x01", b"\x08\x02"], "INTERNAL: the server sent more than one message"),
    ],
    ids=["cut short", "a status that nobody knows", "the default", "no message", "two messages"],
)
def test_an_answer_that_is_none_is_no_health(messages: list[bytes], words: str) -> None:
    with fakes.http2(lambda peer, request: answer_with(peer, request, *messages)) as server:
        result = ask(server.port)
    assert told(result) == [("", words)]
    assert not result.healthy


def test_a_service_that_nobody_knows() -> None:
    with grpc_server() as server:
        result = ask(server.port, "no.Such")
        assert result.stage == "rpc"
        assert result.reason == "NOT_FOUND"
        assert ask(server.port, "no.Such", expected="SERVICE_UNKNOWN").healthy


def test_a_server_without_health() -> None:
    with grpc_server(health=False) as server:
        result = ask(server.port)
    assert result.stage == "rpc"
    assert result.reason == "UNIMPLEMENTED: Method not found!"


def test_a_server_that_does_not_answer_in_time() -> None:
    with fakes.no_answer() as server:
        result = ask(server.port, rpc_seconds=0.2)
    assert result.stage == "rpc"
    assert str(result.reason).startswith("DEADLINE_EXCEEDED")
    assert result.duration_ms < 1000 * AT_ONCE


def test_the_time_for_everything_bounds_connecting_and_asking() -> None:
    with fakes.no_answer() as server:
        result = ask(server.port, total_seconds=0.3)
    assert str(result.reason).startswith("DEADLINE_EXCEEDED")
    assert result.duration_ms < 1000 * AT_ONCE


def test_no_connection_names_its_stage() -> None:
    result = ask(free_port())
    assert (result.stage, result.connect_ms) == ("tcp", None)
    assert str(result.reason) == "connection refused"


def test_a_connection_is_enough_where_nothing_is_asked() -> None:
    with fakes.no_answer() as server:
        result = ask(server.port, connect_only=True)
    assert result.healthy
    assert result.services == ()


def test_credentials_that_a_server_echoes_are_not_told() -> None:
    with fakes.echo_authorization() as server:
        result = ask(server.port, metadata=(("authorization", "Bearer s3cr3t-t0ken"),))
    assert "s3cr3t" not in str(result.reason)
    assert result.reason == "UNAUTHENTICATED: bad credentials: [redacted]"


def test_metadata_that_cannot_be_sent_fails_the_call() -> None:
    with grpc_server() as server:
        result = ask(server.port, metadata=(("a b", "c"),))
    assert str(result.reason).startswith('INTERNAL: header key "a b" contains illegal characters')


def test_all_services_are_listed() -> None:
    def entry(service: str, status: int) -> bytes:
        return field(1, field(1, service.encode()) + field(2, integer_field(1, status)))

    listed = entry("shop.Cart", 2) + entry("", 1)
    with fakes.http2(lambda peer, request: answer_with(peer, request, listed)) as server:
        result = ask(server.port, list=True)
    assert told(result) == [("", "SERVING"), ("shop.Cart", "NOT_SERVING")]
    assert not result.healthy


def test_where_list_is_not_implemented_check_answers_and_it_is_said() -> None:
    with grpc_server() as server:
        result = ask(server.port, list=True)
    assert told(result) == [("", "SERVING")]
    assert result.not_listed
    assert result.healthy


def test_a_list_of_nothing_is_no_proof_of_health() -> None:
    def respond(peer: Http2Peer, request: Request) -> None:
        answer_with(peer, request, b"" if request.path.endswith("List") else b"\x08\x02")

    with fakes.http2(respond) as server:
        assert told(ask(server.port, list=True)) == [("", "NOT_SERVING")]


def test_a_compressed_request() -> None:
    with grpc_server(statuses={"shop.Cart": "NOT_SERVING"}) as server:
        assert told(ask(server.port, "shop.Cart", compress="gzip")) == [("shop.Cart", "NOT_SERVING")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_real_servers_of_other_languages(program: str) -> None:
    with interop_server(program, health="NOT_SERVING") as server:
        assert told(ask(server.port)) == [("", "NOT_SERVING")]
        assert ask(server.port, "no.Such").stage == "rpc"
        assert not ask(server.port, list=True).healthy


def test_grpc_js() -> None:
    with grpc_js_server(tls=False) as server:
        assert told(ask(server.port)) == [("", "SERVING")]


def until_healthy(port: int, seconds: float) -> tuple[HealthResult, list[str]]:
    waits: list[str] = []

    def waiting(result: HealthResult) -> None:
        waits.append(f"{result.stage}: {result.reason}")

    return asyncio.run(examine_until_healthy(options_for(port), HealthQuestion(), seconds, waiting)), waits


def test_waiting_ends_as_soon_as_the_server_is_there_and_serves() -> None:
    port = free_port()

    def come_up() -> None:
        time.sleep(0.4)
        with changing_server(port) as (_, servicer):
            servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
            time.sleep(1.0)
            servicer.set("", health_pb2.HealthCheckResponse.SERVING)
            over.wait(10)

    over = threading.Event()
    thread = threading.Thread(target=come_up)
    thread.start()
    try:
        result, waits = until_healthy(port, 20.0)
    finally:
        over.set()
        thread.join()
    assert result.healthy
    assert result.attempts == len(waits) + 1
    assert waits[0] == "tcp: connection refused"
    assert waits[-1] == "None: the status is NOT_SERVING"


def test_waiting_gives_up_with_the_last_reason() -> None:
    started = time.monotonic()
    result, waits = until_healthy(free_port(), 0.6)
    assert result.stage == "tcp"
    assert waits
    assert 0.2 < time.monotonic() - started < AT_ONCE


def watched(port: int, changes: Any, count: int) -> tuple[list[str], list[str]]:
    """The first `count` states while `changes(number of states so far)` is called after each."""
    states: list[str] = []
    notes: list[str] = []

    async def run() -> None:
        question = HealthQuestion(rpc_seconds=3.0)
        async for result in watch_service(options_for(port), question, "", lambda: notes.append("polling")):
            states.append(result.services[0].serving or "rpc" if result.services else str(result.stage))
            if len(states) == count:
                return
            await asyncio.get_running_loop().run_in_executor(None, changes, len(states))

    asyncio.run(asyncio.wait_for(run(), 20))
    return states, notes


@pytest.mark.parametrize("watch", [True, False], ids=["Watch", "polling"])
def test_every_change_is_seen(watch: bool) -> None:
    with changing_server(watch=watch) as (port, servicer):

        def change(seen: int) -> None:
            now = [health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.SERVING][seen - 1]
            servicer.set("", now)

        states, notes = watched(port, change, 3)
    assert states == ["SERVING", "NOT_SERVING", "SERVING"]
    assert notes == ([] if watch else ["polling"])


def test_a_server_that_goes_away_and_comes_back_is_watched_on() -> None:
    port = free_port()
    servers: list[Any] = []

    def start() -> None:
        server = changing_server(port)
        server.__enter__()
        servers.append(server)

    def change(seen: int) -> None:
        if seen == 1:
            servers.pop().__exit__(None, None, None)
        elif seen == 3:
            start()

    start()
    try:
        states, _ = watched(port, change, 4)
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    assert states == ["SERVING", "rpc", "tcp", "SERVING"]
