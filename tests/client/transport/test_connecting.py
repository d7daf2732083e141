"""Where there is no connection, the stage that failed and the true cause are told at once."""

from __future__ import annotations

import asyncio
import ssl
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import Target, parse_target
from grpcdoctor.wire import frames
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.frames import Frame
from tests.client.transport.calls import answer_of, ask
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.connect_proxy import connect_proxy
from tests.lab.grpc_server import grpc_server
from tests.lab.processes import free_port
from tests.lab.tls_servers import client_certificate_required, terminator
from tests.patience import AT_ONCE


def failure(target: Target | str, **options: Any) -> ConnectError:
    """Why there is no connection; it must not take as long as the connect timeout unless that is the cause."""
    where = parse_target(target) if isinstance(target, str) else target

    async def run() -> ConnectError:
        channel = open_channel(ChannelOptions(where, **{"connect_timeout": 60.0, **options}))
        with pytest.raises(ConnectError) as caught:
            await channel.connect()
        with pytest.raises(ConnectError, match=r".+"):
            await channel.call("/a/B")
        await channel.close()
        return caught.value

    started = time.monotonic()
    error = asyncio.run(run())
    assert error.timed_out or time.monotonic() - started < AT_ONCE
    return error


def told(error: ConnectError) -> tuple[Stage, str]:
    return error.stage, str(error)


def test_a_name_that_does_not_exist() -> None:
    words = 'cannot resolve "no.such.host.invalid": there is no such name'
    assert told(failure("grpc://no.such.host.invalid:1")) in [
        (Stage.DNS, words),
        (Stage.DNS, words.replace("there is no such name", "the resolver could not find out; try again")),
    ]


def test_a_port_where_nothing_listens() -> None:
    port = free_port()
    error = failure(f"grpc://127.0.0.1:{port}")
    assert told(error) == (Stage.TCP, f"cannot connect to 127.0.0.1:{port}: connection refused")
    assert error.address == f"127.0.0.1:{port}"


def test_every_address_of_a_name_is_told() -> None:
    port = free_port()
    error = failure(f"grpc://localhost:{port}")
    assert error.stage is Stage.TCP
    assert f"127.0.0.1:{port} connection refused" in str(error)


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    error = failure(parse_target(f"unix:{tmp_path}/none", plaintext=True))
    assert told(error) == (Stage.TCP, f"cannot connect to unix:{tmp_path}/none: No such file or directory")


def test_an_address_that_swallows_everything_takes_the_connect_timeout() -> None:
    with black_hole() as (host, port):
        error = failure(f"grpc://{host}:{port}", connect_timeout=0.2)
    assert told(error) == (Stage.TCP, f"cannot connect to {host}:{port}: no answer in time")
    assert error.timed_out


PLAINTEXT: dict[str, tuple[fakes.Fake, str]] = {
    "http/1.1": (fakes.http1(), "the server speaks HTTP/1.1, not HTTP/2: HTTP/1.1 400 Bad Request"),
    "ssh": (fakes.ssh_banner(), "an SSH server answers: SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"),
    "garbage": (fakes.garbage(), "what answers is not HTTP/2 (its first bytes: faf7f4f1eeebe8e5e2dfdcd9d6d3d0cd)"),
    "closed": (
        fakes.closes_silently(),
        "the server closed the connection at the HTTP/2 preface; it may want TLS",
    ),
    "reset": (fakes.resets(), "the server reset the connection at the HTTP/2 preface; it may want TLS"),
    "goaway": (
        fakes.says(frames.settings({}).encode() + Frame(7, 0, 0, bytes(7) + b"\x0btoo_many_pings").encode()),
        'the server ends every connection at once: GOAWAY, code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"',
    ),
    "tls alert": (fakes.says(b"\x15\x03\x01\x00\x02\x02\x46"), "the port speaks TLS, not plaintext"),
}


@pytest.mark.parametrize(("server", "words"), PLAINTEXT.values(), ids=PLAINTEXT.keys())
def test_what_answers_in_plaintext_is_named(server: fakes.Fake, words: str) -> None:
    with server as running:
        error = failure(f"grpc://127.0.0.1:{running.port}", connect_timeout=3.0)
    assert told(error) == (Stage.HTTP2, words)


def test_a_server_that_says_nothing_takes_the_connect_timeout() -> None:
    with fakes.silent() as server:
        error = failure(f"grpc://127.0.0.1:{server.port}", connect_timeout=0.2)
    assert told(error) == (Stage.HTTP2, "no answer to the HTTP/2 preface in time")
    assert error.timed_out


TLS = lab_certificates()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (fakes.http1(), "the port speaks HTTP in plaintext, not TLS"),
        (fakes.ssh_banner(), "an SSH server answers, not TLS"),
        (fakes.closes_silently(), "the server closed the connection during the TLS handshake"),
    ],
)
def test_what_answers_instead_of_tls_is_named(server: fakes.Fake, words: str) -> None:
    with server as running:
        error = failure(f"grpcs://127.0.0.1:{running.port}")
    assert error.stage is Stage.TLS
    assert str(error).startswith(words)


@pytest.mark.parametrize(
    ("pair", "options", "words"),
    [
        (TLS.good, {}, "certificate verification failed: unable to get local issuer certificate"),
        (TLS.expired, {"cacert": str(TLS.ca)}, "certificate verification failed: certificate has expired"),
        (TLS.other_name, {"cacert": str(TLS.ca)}, 'it is not for "127.0.0.1" but for other.example.test'),
        (TLS.good, {"cacert": "/nowhere"}, "--cacert /nowhere: No such file or directory"),
    ],
)
def test_a_certificate_that_does_not_verify(pair: Any, options: dict[str, Any], words: str) -> None:
    with grpc_server() as backend, terminator(backend.port, certificate=pair) as server:
        error = failure(f"grpcs://127.0.0.1:{server.port}", **options)
        assert error.stage is Stage.TLS
        assert words in str(error)


def test_a_certificate_that_is_not_to_be_verified() -> None:
    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(parse_target(f"grpcs://127.0.0.1:{port}"), insecure=True))
        assert (await answer_of(channel)).status.ok
        await channel.close()

    with grpc_server(tls=True, certificate=TLS.expired) as server:
        asyncio.run(run(server.port))


def test_tls_without_alpn_and_with_http_1_only() -> None:
    with grpc_server() as backend:
        with terminator(backend.port, alpn=()) as server:
            error = failure(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca))
        assert error.stage is Stage.ALPN
        assert "selects no ALPN protocol" in str(error)
        with terminator(backend.port, alpn=("http/1.1",)) as server:
            assert failure(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca)).stage is Stage.ALPN


def test_alpn_is_not_asked_for_where_grpc_gos_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_ENFORCE_ALPN_ENABLED", "false")

    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(parse_target(f"grpcs://127.0.0.1:{port}"), cacert=str(TLS.ca)))
        assert (await answer_of(channel)).status.ok
        await channel.close()

    with grpc_server() as backend, terminator(backend.port, alpn=()) as server:
        asyncio.run(run(server.port))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing(version: ssl.TLSVersion) -> None:
    with grpc_server() as backend, client_certificate_required(backend.port, version) as server:
        error = failure(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca))
    assert error.stage is Stage.TLS
    assert "client certificate" in str(error) or "handshake_failure" in str(error)


def test_alpn_h2_and_then_http_1() -> None:
    with fakes.alpn_h2_but_http1(TLS) as server:
        error = failure(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca))
    assert error.stage is Stage.HTTP2
    assert "the server speaks HTTP/1.1, not HTTP/2" in str(error)


def test_the_target_may_be_another_endpoint_than_is_dialled() -> None:
    async def run(target: Target) -> None:
        channel = open_channel(ChannelOptions(target))
        assert (await answer_of(channel)).status.ok
        await channel.close()

    with grpc_server() as server:
        elsewhere = replace(parse_target("grpc://no.such.host.invalid:1"), connect_to=("127.0.0.1", server.port))
        asyncio.run(run(elsewhere))


def test_a_proxy_of_the_environment_is_used_and_named_when_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(target: Target) -> str | None:
        channel = open_channel(ChannelOptions(target))
        assert (await answer_of(channel)).status.ok
        await channel.close()
        return channel.connection.proxy if channel.connection is not None else None

    target = parse_target("grpc://grpc.example.test:50051")
    with grpc_server() as server, connect_proxy(send_to=("127.0.0.1", server.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert asyncio.run(run(target)) == f"127.0.0.1:{proxy.port}"
    error = failure(target)
    assert error.stage is Stage.PROXY
    assert "HTTPS_PROXY" in str(error)
    assert "connection refused" in str(error)


def test_keys_are_logged_where_wireshark_looks_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))

    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(parse_target(f"grpcs://localhost:{port}"), cacert=str(TLS.ca)))
        assert (await answer_of(channel)).status.ok
        await channel.close()

    with grpc_server(tls=True) as server:
        asyncio.run(run(server.port))
    assert "CLIENT_TRAFFIC_SECRET_0" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_call_that_waits_for_a_connection_does_so_within_its_deadline() -> None:
    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(parse_target(f"grpc://127.0.0.1:{port}"), connect_timeout=60.0))
        started = time.monotonic()
        with pytest.raises(ConnectError) as late:
            await channel.call("/a/B", deadline=Deadline.after(0.2))
        assert late.value.timed_out
        assert time.monotonic() - started < AT_ONCE
        await channel.close()

    with fakes.silent() as server:
        asyncio.run(run(server.port))


def test_all_who_wait_for_one_connection_are_told_of_its_failure() -> None:
    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(parse_target(f"grpc://127.0.0.1:{port}")))
        results = await asyncio.gather(*(channel.call("/a/B") for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, ConnectError) for result in results)
        await channel.close()

    asyncio.run(run(free_port()))


def test_a_call_without_a_connection_leaves_nothing_behind() -> None:
    with fakes.http1() as server, pytest.raises(ConnectError):
        ask(server.port)
