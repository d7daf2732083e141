"""HTTP CONNECT: which proxy the environment names (gRFC A1), and the tunnel through a real one."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator

import pytest

from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.codec import encode
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire import proxy as module
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.proxy import Proxy, TunnelError, open_tunnel, proxy_for
from grpcdoctor.wire.stream import ByteStream
from tests.wire.peers import Server, listening

URL = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, None),
        ({"grpc_proxy": URL, "https_proxy": "http://other:1"}, "grpc_proxy"),
        ({"https_proxy": URL, "http_proxy": "http://other:1"}, "https_proxy"),
        ({"http_proxy": URL}, "http_proxy"),
        ({"HTTPS_PROXY": URL}, "HTTPS_PROXY"),
        ({"HTTP_PROXY": URL}, None),
        ({"grpc_proxy": ""}, None),
        ({"http_proxy": URL, "no_proxy": "*"}, None),
        ({"http_proxy": URL, "no_proxy": "example.com"}, None),
        ({"http_proxy": URL, "no_proxy": ".example.com"}, None),
        ({"http_proxy": URL, "no_proxy": "*.example.com"}, None),
        ({"http_proxy": URL, "no_proxy": "other.org, GRPC.example.com ,"}, None),
        ({"http_proxy": URL, "no_proxy": "grpc.example.com:443"}, None),
        ({"http_proxy": URL, "no_proxy": "grpc.example.com:8443"}, "http_proxy"),
        ({"http_proxy": URL, "no_proxy": "ample.com"}, "http_proxy"),
        ({"http_proxy": URL, "no_proxy": "10.0.0.0/8,not/cidr"}, "http_proxy"),
        ({"http_proxy": URL, "no_grpc_proxy": "other.org", "no_proxy": "*"}, "http_proxy"),
        ({"http_proxy": URL, "NO_PROXY": "example.com"}, None),
    ],
)
def test_the_environment_names_the_proxy_as_grpc_clients_read_it(
    environment: dict[str, str], variable: str | None
) -> None:
    found = proxy_for("grpc.example.com", 443, environment)
    assert (found.variable if found is not None else None) == variable


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_never_proxied(host: str) -> None:
    assert proxy_for(host, 443, {"http_proxy": URL}) is None


def test_an_address_is_exempt_by_cidr() -> None:
    assert proxy_for("10.1.2.3", 443, {"http_proxy": URL, "no_proxy": "10.0.0.0/8"}) is None
    assert proxy_for("11.1.2.3", 443, {"http_proxy": URL, "no_proxy": "10.0.0.0/8"}) is not None
    assert proxy_for("2001:db8::1", 443, {"http_proxy": URL, "no_proxy": "2001:db8::/32"}) is None


@pytest.mark.parametrize(
    ("value", "host", "port", "credentials", "broken"),
    [
        ("proxy:3128", "proxy", 3128, None, False),
        ("http://proxy", "proxy", 80, None, False),
        ("http://u:p%40ss@proxy:1", "proxy", 1, "u:p@ss", False),
        ("http://u@proxy:1", "proxy", 1, "u:", False),
        ("http://[2001:db8::1]:3128", "2001:db8::1", 3128, None, False),
        ("https://proxy:1", "proxy", 1, None, True),
        ("socks5://proxy:1", "proxy", 1, None, True),
        ("http://proxy:abc", "proxy", 80, None, True),
        ("http://proxy:99999", "proxy", 80, None, True),
        ("http://[::1", "", 80, None, True),
        ("http://", "", 80, None, True),
    ],
)
def test_the_value_is_read_or_said_to_be_unusable(
    value: str, host: str, port: int, credentials: str | None, broken: bool
) -> None:
    found = proxy_for("grpc.example.com", 443, {"grpc_proxy": value})
    assert found is not None
    assert (found.host, found.port, found.credentials) == (host, port, credentials)
    assert (found.error is not None) is broken
    assert "p@ss" not in found.url


def tunnelled(answer: bytes, proxy: Proxy | None = None) -> tuple[bytes, str | None]:
    """(what the proxy was sent, the error)."""
    asked = b""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await asyncio.sleep(0.1)

    async def run() -> str | None:
        async with listening(handler) as port:
            _, stream = await asyncio.get_running_loop().create_connection(ByteStream, "127.0.0.1", port)
            try:
                await open_tunnel(stream, proxy or Proxy("x", "p", 1), "grpc.example.com", 443, Deadline.after(5))
            except TunnelError as refused:
                return str(refused)
            finally:
                stream.abort()
        return None

    error = asyncio.run(run())
    return asked, error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 Connection established\r\n\r\n", None),
        (b"HTTP/1.0 204 fine\r\nVia: x\r\n\r\n", None),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 407 Proxy Authentication Required"),
        (b"HTTP/1.1 503\r\n\r\n", "HTTP/1.1 503"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "SSH-2.0-OpenSSH"),
        (b"", "the proxy closed the connection"),
        (b"x" * 20000, "the proxy's answer is no HTTP"),
        (b"HTTP/1.1 500 " + b"y" * 5000 + b"\r\n\r\n", "HTTP/1.1 500 " + "y" * 187),
    ],
)
def test_a_proxy_opens_the_tunnel_or_says_why_not(answer: bytes, error: str | None) -> None:
    asked, found = tunnelled(answer)
    assert asked.startswith(b"CONNECT grpc.example.com:443 HTTP/1.1\r\nHost: grpc.example.com:443\r\n")
    assert b"Proxy-Authorization" not in asked
    assert found == error


@contextlib.asynccontextmanager
async def running(credentials: str | None, coalesce: bool = False) -> AsyncIterator[tuple[int, int]]:
    """(port of a real CONNECT proxy, port of a healthy h2c server behind it)."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        wanted = base64.b64encode((credentials or "").encode())
        if credentials is not None and b"Proxy-Authorization: Basic " + wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            await writer.drain()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", behind)
        early = await inner_reader.read(100) if coalesce else b""
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + early)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer), return_exceptions=True)
        inner_writer.transport.abort()

    async with listening(healthy) as behind, listening(proxy) as port:
        yield port, behind


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An h2c server that greets at once and answers every request with SERVING."""
    from grpcdoctor.wire import frames

    server, splitter = Server(), frames.FrameSplitter()
    writer.write(server.settings({3: 100}))
    await reader.readexactly(len(frames.PREFACE))
    while data := await reader.read(65536):
        for frame in splitter.feed(data):
            if frame.type == 4 and not frame.flags & frames.ACK:
                writer.write(server.ack())
            elif frame.type == 6:
                writer.write(frames.Frame(6, frames.ACK, 0, frame.payload).encode())
            elif frame.type == 0 and frame.end_stream:
                writer.write(server.answer(frame.stream_id))


def through(
    monkeypatch: pytest.MonkeyPatch, userinfo: str = "", credentials: str | None = None, coalesce: bool = False
) -> Report:
    monkeypatch.setattr(module, "_is_loopback", lambda host: False)
    for name in (*module.PROXY_VARIABLES, *module.EXEMPT_VARIABLES):
        monkeypatch.delenv(name, raising=False)

    async def run() -> Report:
        async with running(credentials, coalesce) as (port, behind):
            monkeypatch.setitem(os.environ, "grpc_proxy", f"http://{userinfo}127.0.0.1:{port}")
            target = parse_target(f"grpc://127.0.0.1:{behind}")
            return await diagnose(target, ProbeOptions(timeout=5, second_opinion=False))

    return asyncio.run(run())


def tcp_of(report: Report) -> TcpFacts:
    return next(o.facts for o in report.observations if isinstance(o.facts, TcpFacts))


def test_a_run_goes_through_a_real_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    report = through(monkeypatch)
    assert report.verdict.value == "healthy"
    assert tcp_of(report).proxy_variable == "grpc_proxy"


def test_settings_that_come_together_with_the_proxys_answer_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert through(monkeypatch, coalesce=True).verdict.value == "healthy"


def test_credentials_open_the_proxy_and_appear_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    report = through(monkeypatch, "mallory:s3cr3t-w0rd@", "mallory:s3cr3t-w0rd")
    shown = str(encode(report.observations)) + str(report)
    assert report.verdict.value == "healthy"
    for secret in ("s3cr3t-w0rd", "mallory", base64.b64encode(b"mallory:s3cr3t-w0rd").decode()):
        assert secret not in shown


def test_a_proxy_that_wants_credentials_is_named_with_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    report = through(monkeypatch, "mallory:wrong-w0rd@", "mallory:s3cr3t-w0rd")
    assert "407" in (tcp_of(report).proxy_error or "")
    assert "wrong-w0rd" not in str(encode(report.observations)) + str(report)
    assert report.verdict.value != "healthy"
