"""Every fake misbehaves as it says, and in no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import fakes
from tests.lab.fake_http2 import HEALTH_CHECK
from tests.lab.raw_client import call, exchange

if TYPE_CHECKING:
    from tests.lab.certificates import Certificates

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("code", [0, 2, 11, 13])
def test_goaway(code: int) -> None:
    with fakes.goaway(code, b"because") as server:
        seen = call(server.port)
        assert seen.goaways == [(0, code, b"because")]
        assert seen.error == "eof"
        assert server.connections == 1


@pytest.mark.parametrize("code", [*range(14), 0x77])
def test_rst_stream(code: int) -> None:
    with fakes.rst_stream(code) as server:
        seen = call(server.port)
        assert (seen.reset, seen.status) == (code, None)


def test_rst_stream_after_headers() -> None:
    with fakes.rst_stream_after_headers(2) as server:
        seen = call(server.port)
        assert (seen.status, len(seen.data), seen.reset) == ("200", 7, 2)


def test_concurrent_streams() -> None:
    with fakes.max_concurrent_streams(0) as none, fakes.max_concurrent_streams(1) as one:
        assert (call(none.port).settings, call(none.port).reset) == ({3: 0}, 7)
        seen = call(one.port, HEALTH_CHECK)
        assert (seen.settings, seen.grpc_status) == ({3: 1}, "0")


def test_header_limit() -> None:
    with fakes.header_limit(64) as small, fakes.header_limit(4096) as large:
        assert (call(small.port).settings, call(small.port).reset) == ({6: 64}, 11)
        assert call(large.port, HEALTH_CHECK).grpc_status == "0"


@pytest.mark.parametrize(("fake", "size"), [(fakes.trailers_stripped, 7), (fakes.headers_only, 0)])
def test_lost_trailers(fake: Any, size: int) -> None:
    with fake() as server:
        seen = call(server.port)
        assert (seen.status, len(seen.data), seen.ended, seen.grpc_status) == ("200", size, True, None)


def test_answers_of_http() -> None:
    with fakes.http2_answer(404) as missing, fakes.http2_redirect() as elsewhere:
        assert (call(missing.port).status, call(missing.port).get("content-type")) == ("404", "text/html")
        assert call(elsewhere.port).get("location") == "https://localhost/elsewhere"


def test_answers_of_grpc() -> None:
    with fakes.healthy() as healthy, fakes.grpc_answer(5, "no such thing") as refusing:
        assert call(healthy.port, HEALTH_CHECK).grpc_status == "0"
        assert call(healthy.port).grpc_message == "Method not found!"
        assert call(refusing.port).grpc_message == "no such thing"


def test_authorization_comes_back() -> None:
    with fakes.echo_authorization() as server:
        seen = call(server.port, headers=(("authorization", "Bearer s3cret"),))
        assert seen.grpc_message == "bad credentials: Bearer s3cret"


def test_slow_and_mute() -> None:
    with fakes.slow(0.3) as slow, fakes.no_answer() as mute, fakes.silent() as silent:
        assert call(slow.port, HEALTH_CHECK).seconds > 0.3
        assert (call(mute.port, timeout=0.3).error, call(mute.port, timeout=0.3).settings != {}) == ("timeout", True)
        assert exchange(silent.port, b"", timeout=0.3) == (b"", "timeout")


def test_every_third_connection_fails() -> None:
    with fakes.flaky(3) as server:
        assert [call(server.port).reset for _ in range(6)] == [None, None, 2] * 2


def test_no_protocol_at_all() -> None:
    with fakes.closes_silently() as closing, fakes.resets() as resetting:
        assert exchange(closing.port, b"") == (b"", "eof")
        assert "reset" in exchange(resetting.port, b"x")[1]
    with fakes.garbage() as garbage, fakes.ssh_banner() as ssh:
        assert len(exchange(garbage.port, b"")[0]) == 200
        assert exchange(ssh.port, b"", timeout=0.3) == (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "silence")


def test_http1_servers() -> None:
    with fakes.http1() as web, fakes.https_redirect() as redirect:
        assert call(web.port).raw.startswith(b"HTTP/1.1 400 ")
        assert exchange(web.port, GET)[0].startswith(b"HTTP/1.1 200 OK\r\nServer: lab-http1\r\nContent-Type: text/html")
        assert b"\r\nLocation: https://localhost/\r\n" in exchange(redirect.port, GET)[0]


def test_an_http1_server_takes_a_client_hello_for_a_bad_request(certificates: Certificates) -> None:
    with fakes.http1() as web:
        assert call(web.port, tls=certificates.client_context()).error == "WRONG_VERSION_NUMBER"


def test_fakes_speak_tls(certificates: Certificates) -> None:
    with fakes.alpn_h2_but_http1(certificates) as liar:
        seen = call(liar.port, tls=certificates.client_context())
        assert (seen.alpn, seen.raw[:12]) == ("h2", b"HTTP/1.1 400")
    with fakes.goaway(13, tls=certificates.server_context(alpn=["h2"])) as server:
        assert call(server.port, tls=certificates.client_context()).goaways == [(0, 13, b"")]
