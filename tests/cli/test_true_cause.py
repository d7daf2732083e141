"""The last line of a failed call names what is wrong; an application's own error is never blamed on the network."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.cli.true_cause import probe_command, true_cause
from grpcdoctor.client.descriptors.reflection_stream import NOT_ROUTED, ReflectionUnavailableError
from grpcdoctor.client.errors import ClientError, ConnectError, NotFoundError, RpcError
from grpcdoctor.client.options import ChannelOptions, Protocol
from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.target import parse_target
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.connect_go import connect_go
from tests.lab.grpc_server import grpc_server
from tests.lab.processes import free_port
from tests.lab.tls_servers import client_certificate_required, terminator
from tests.patience import AT_ONCE

TLS = lab_certificates()


def options_for(target: str, **more: Any) -> ChannelOptions:
    return ChannelOptions(parse_target(target), **more)


def cause_of(failure: ClientError | Status, options: ChannelOptions, **more: Any) -> str | None:
    return asyncio.run(true_cause(options, failure, budget=2.0, **more))


def cause_of_connecting(target: str, **more: Any) -> str:
    """Connect for real, and ask why that failed."""
    options = options_for(target, **{"connect_timeout": 1.0, **more})

    async def connect() -> ConnectError:
        channel = open_channel(options)
        with pytest.raises(ConnectError) as failed:
            await channel.connect()
        await channel.close()
        return failed.value

    line = cause_of(asyncio.run(connect()), options)
    assert line is not None
    assert "\n" not in line
    return line


def test_a_refused_connection_is_named_with_the_probe_that_proves_it() -> None:
    port = free_port()
    assert cause_of_connecting(f"grpc://127.0.0.1:{port}") == (
        "likely cause: the connection is refused: does the server run, on this port and address?; "
        f"proof: grpcdoctor probe --plaintext 127.0.0.1:{port}"
    )


def test_a_name_that_does_not_resolve() -> None:
    line = cause_of_connecting("grpcs://no.such.host.invalid:443")
    assert line.startswith("likely cause: the name does not resolve: ")
    assert line.endswith("; proof: grpcdoctor probe no.such.host.invalid:443")


def test_a_port_that_swallows_everything() -> None:
    with black_hole() as (host, port):
        line = cause_of_connecting(f"grpc://{host}:{port}", connect_timeout=0.2)
    assert line.startswith("likely cause: no answer to the connection attempt: ")


def test_plaintext_to_a_tls_port() -> None:
    with fakes.says(b"\x15\x03\x01\x00\x02\x02\x46") as server:
        line = cause_of_connecting(f"grpc://127.0.0.1:{server.port}")
    assert line.startswith("likely cause: plaintext was asked for, the port speaks TLS: ask it without --plaintext")


def test_plaintext_to_a_server_that_hangs_up_on_it_is_looked_at_again() -> None:
    """A real grpcio server with TLS says nothing at all to plaintext: only another look shows the TLS."""
    with grpc_server(tls=True) as server:
        line = cause_of_connecting(f"grpc://127.0.0.1:{server.port}")
    assert "TLS" in line
    assert f"; proof: grpcdoctor probe --plaintext 127.0.0.1:{server.port}" in line


def test_tls_to_a_plaintext_port() -> None:
    with grpc_server() as server:
        line = cause_of_connecting(f"grpcs://127.0.0.1:{server.port}")
    assert line.startswith("likely cause: TLS was asked for, the port speaks in clear text: ask it with --plaintext")


@pytest.mark.parametrize(
    ("certificate", "trusted", "words"),
    [
        (TLS.unknown_ca, TLS.ca, "certificate"),
        (TLS.intermediate_missing, TLS.ca, "intermediate"),
        (TLS.expired, TLS.ca, "the certificate has expired: it has to be renewed"),
        (TLS.not_yet_valid, TLS.ca, "the certificate is not valid yet: or a clock is wrong"),
        (TLS.other_name, TLS.ca, "the certificate is for another name: ask it by a name that it is for"),
    ],
    ids=["unknown CA", "no intermediate", "expired", "not yet valid", "wrong name"],
)
def test_a_certificate_that_does_not_verify(certificate: Any, trusted: Path, words: str) -> None:
    with grpc_server() as backend, terminator(backend.port, certificate=certificate) as server:
        line = cause_of_connecting(f"grpcs://127.0.0.1:{server.port}", cacert=str(trusted))
    assert words in line
    assert line.endswith(f"; proof: grpcdoctor probe --cacert {trusted} 127.0.0.1:{server.port}")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_required(version: ssl.TLSVersion) -> None:
    with grpc_server() as backend, client_certificate_required(backend.port, version) as server:
        line = cause_of_connecting(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca))
    assert "client certificate" in line


def test_a_client_certificate_that_is_refused() -> None:
    pair = TLS.client_foreign
    with grpc_server() as backend, client_certificate_required(backend.port, ssl.TLSVersion.TLSv1_3) as server:
        where = f"grpcs://127.0.0.1:{server.port}"
        line = cause_of_connecting(where, cacert=str(TLS.ca), cert=str(pair.cert), key=str(pair.key))
    assert line.startswith("likely cause: the server rejects the client certificate: ")


def test_tls_without_alpn() -> None:
    with grpc_server() as backend, terminator(backend.port, alpn=()) as server:
        line = cause_of_connecting(f"grpcs://127.0.0.1:{server.port}", cacert=str(TLS.ca))
    assert line.startswith("likely cause: the TLS listener does not negotiate ALPN: ")


def test_a_web_server_is_looked_at_again() -> None:
    with fakes.http1() as server:
        line = cause_of_connecting(f"grpc://127.0.0.1:{server.port}")
    assert line.startswith("likely cause: the port speaks HTTP/1.1 only, in clear: no HTTP/2, no gRPC")


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    line = cause_of_connecting("grpcs://grpc.example.test:443")
    assert line.startswith("likely cause: the HTTP proxy opens no tunnel: --no-proxy goes past it")


SECRET = "Bearer s3cr3t-t0ken-value"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (GrpcStatus.INVALID_ARGUMENT, "the connection is fine: the server's application itself answered"),
        (GrpcStatus.NOT_FOUND, "the connection is fine: the server's application itself answered NOT_FOUND"),
        (GrpcStatus.UNAUTHENTICATED, "the connection is fine: the call needs credentials; send them: -H "),
        (GrpcStatus.PERMISSION_DENIED, "the connection is fine: whoever the credentials are for"),
        (GrpcStatus.UNIMPLEMENTED, "the connection is fine: the server has no such method"),
        (GrpcStatus.UNKNOWN, "the connection is fine: UNKNOWN is what gRPC servers make of an exception"),
        (GrpcStatus.DEADLINE_EXCEEDED, "the connection is fine: the server itself says that the time"),
    ],
)
def test_an_applications_own_answer_blames_no_network_and_dials_nothing(code: GrpcStatus, words: str) -> None:
    line = cause_of(Status(code, "no such order"), options_for("grpc://127.0.0.1:1"))
    assert line is not None
    assert line.startswith(words)
    assert "probe" not in line


def test_credentials_that_were_sent_are_named_and_not_shown() -> None:
    failed = Status(GrpcStatus.UNAUTHENTICATED, "")
    line = cause_of(failed, options_for("grpc://127.0.0.1:1"), metadata=(("authorization", SECRET),))
    assert line is not None
    assert "sent in 'authorization' are not accepted" in line
    assert "s3cr3t" not in line


def test_a_proxys_missing_route_is_told_from_a_servers_missing_method() -> None:
    line = cause_of(
        Status(GrpcStatus.UNIMPLEMENTED, ""), options_for("grpc://127.0.0.1:1"), answer=(("server", "envoy"),)
    )
    assert line is not None
    assert line.startswith("likely cause: a proxy or web server answered, not the application: it has no route")
    through = (("server", "envoy"), ("x-envoy-upstream-service-time", "3"))
    line = cause_of(Status(GrpcStatus.UNIMPLEMENTED, ""), options_for("grpc://127.0.0.1:1"), answer=through)
    assert line is not None
    assert line.startswith("the connection is fine: the server has no such method")


def test_whose_limit_a_message_is_over() -> None:
    ours = Status(GrpcStatus.RESOURCE_EXHAUSTED, "grpc: received message larger than max (5 vs. 4)", from_peer=False)
    theirs = Status(GrpcStatus.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)")
    options = options_for("grpc://127.0.0.1:1")
    assert "raise --max-message-size" in str(cause_of(ours, options))
    assert "the request is larger than the server takes" in str(cause_of(theirs, options))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "grpc: failed to unmarshal the received message: unexpected EOF",
            "the connection is fine: the response cannot be read",
        ),
        ("cardinality violation: received no response message", "the connection is fine: the method does not answer"),
        ('header key "a b" contains illegal characters not in [0-9a-z-_.]', "nothing was sent: that is no header"),
        ('header key "a" contains value with non-printable ASCII characters', "nothing was sent: that is no header"),
    ],
)
def test_what_this_client_makes_of_a_call_blames_no_server_and_dials_nothing(message: str, words: str) -> None:
    line = cause_of(Status(GrpcStatus.INTERNAL, message, from_peer=False), options_for("grpc://127.0.0.1:1"))
    assert line is not None
    assert line.startswith(words)
    assert "probe" not in line


def test_a_call_that_takes_too_long_on_a_healthy_server() -> None:
    late = Status(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded", from_peer=False)
    with grpc_server() as server:
        line = cause_of(late, options_for(f"grpc://127.0.0.1:{server.port}"))
    assert str(line).startswith("likely cause: the server answers other calls, but not this one in time")


def test_a_call_that_takes_too_long_on_a_server_that_is_stuck() -> None:
    late = Status(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded", from_peer=False)
    with grpc_server(stuck=True) as server:
        started = time.monotonic()
        line = cause_of(late, options_for(f"grpc://127.0.0.1:{server.port}"))
        assert time.monotonic() - started < AT_ONCE
    assert str(line).startswith("likely cause: no answer to the health check: ")


def test_the_words_of_a_proxy_are_understood_where_health_is_fine() -> None:
    words = "upstream connect error or disconnect/reset before headers. reset reason: protocol error"
    with grpc_server() as server:
        line = cause_of(Status(GrpcStatus.UNAVAILABLE, words), options_for(f"grpc://127.0.0.1:{server.port}"))
    assert str(line).startswith("possible cause: a proxy on the way speaks HTTP/1.1 to the gRPC server: ")
    assert f"; proof: grpcdoctor probe --plaintext 127.0.0.1:{server.port}" in str(line)


def test_a_server_that_went_away_meanwhile_is_found_gone() -> None:
    lost = Status(GrpcStatus.UNAVAILABLE, "error reading from server: EOF", from_peer=False)
    port = free_port()
    line = cause_of(lost, options_for(f"grpc://127.0.0.1:{port}"))
    assert str(line).startswith(f"likely cause: nothing listens on port {port} (connection refused)")


REFUSED = Status(GrpcStatus.PERMISSION_DENIED, "RBAC: access denied")


def test_what_may_be_one_methods_trouble_is_proved_by_a_probe_that_calls_it() -> None:
    """Here the probe's own questions are all answered: without --call it would say HEALTHY."""
    line = cause_of(REFUSED, options_for("grpc://127.0.0.1:1"), method="shop.Cart/Get")
    assert str(line).endswith("; proof: grpcdoctor probe --plaintext --call shop.Cart/Get 127.0.0.1:1")
    reflection = cause_of(RpcError(REFUSED), options_for("grpc://127.0.0.1:1"), method="shop.Cart/Get")
    assert str(reflection).endswith("; proof: grpcdoctor probe --plaintext 127.0.0.1:1")


def test_what_a_proxy_answers_to_reflection_is_no_servers_exception() -> None:
    aborted = RpcError(Status(GrpcStatus.UNKNOWN, "fault filter abort"), (("server", "envoy"),))
    with fakes.grpc_answer(2, "fault filter abort") as server:
        line = cause_of(aborted, options_for(f"grpc://127.0.0.1:{server.port}"))
    assert str(line).startswith("likely cause: Envoy aborts calls on purpose: fault injection is on")


def test_what_every_call_is_answered_with_is_told_of_reflection_which_the_probe_asks_too() -> None:
    closed = Status(GrpcStatus.UNAVAILABLE, "closed")
    with fakes.grpc_answer(14, "closed") as server:
        options = options_for(f"grpc://127.0.0.1:{server.port}")
        assert "cause: every call is answered with UNAVAILABLE" in str(cause_of(RpcError(closed), options))
        line = cause_of(closed, options, method="shop.Cart/Get")
    assert str(line).startswith("the cause does not show at a short look; a longer one: grpcdoctor probe ")


def test_a_server_without_health_and_reflection_is_no_proxy_without_a_route() -> None:
    """Its own answers to the probe's questions are 404, and say nothing of a method that it has."""
    late = Status(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded", from_peer=False)
    with connect_go() as port:
        line = cause_of(late, options_for(f"grpc://127.0.0.1:{port}"), method="lab.v1.Web/Unary")
    assert "route" not in str(line)
    assert str(line).endswith(f"grpcdoctor probe --plaintext --call lab.v1.Web/Unary 127.0.0.1:{port}")


def test_where_no_cause_shows_the_probe_that_may_find_it_is_named() -> None:
    lost = Status(GrpcStatus.UNAVAILABLE, "odd", from_peer=False)
    with grpc_server(health=False) as server:
        line = cause_of(lost, options_for(f"grpc://127.0.0.1:{server.port}"), method="lab.Greeter/SayHello")
    assert str(line).endswith(f"grpcdoctor probe --plaintext --call lab.Greeter/SayHello 127.0.0.1:{server.port}")


def test_reflection_that_nobody_answers_is_explained() -> None:
    failed = ReflectionUnavailableError(Status(GrpcStatus.UNIMPLEMENTED), NOT_ROUTED)
    line = cause_of(failed, options_for("grpcs://grpc.example.com"))
    assert line == (
        "likely cause: a proxy on the way answered, not the server: it has no route for the reflection service; "
        "proof: grpcdoctor probe grpc.example.com"
    )


def test_a_reflection_call_that_was_refused_is_as_any_call() -> None:
    failed = RpcError(Status(GrpcStatus.UNAUTHENTICATED, "no token"))
    assert "the call needs credentials" in str(cause_of(failed, options_for("grpcs://grpc.example.com")))


@pytest.mark.parametrize(
    "failure",
    [Status(GrpcStatus.OK), NotFoundError("Service", "a.B"), ClientError("no file")],
    ids=["no failure", "no such service", "no such file"],
)
def test_nothing_is_said_where_nothing_is_known(failure: Any) -> None:
    assert cause_of(failure, options_for("grpc://127.0.0.1:1")) is None


def test_a_grpc_web_server_is_not_measured_by_grpc() -> None:
    lost = Status(GrpcStatus.UNAVAILABLE, "", from_peer=False)
    with fakes.http1() as server:
        options = options_for(f"grpc://127.0.0.1:{server.port}", protocol=Protocol.GRPC_WEB)
        line = str(cause_of(lost, options))
    assert line.startswith("likely cause: what answers there does not speak grpc-web, or went away")
    assert "grpcdoctor probe" not in line


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(GrpcStatus.UNAVAILABLE, "away"), "answered UNAVAILABLE: look in its log"),
        (Status(GrpcStatus.DEADLINE_EXCEEDED, "late", from_peer=False), "allow more with --timeout"),
        (
            Status(GrpcStatus.UNKNOWN, "unexpected HTTP status code received from server: 415 (…)", from_peer=False),
            "does not speak connect; try another --protocol",
        ),
        (
            Status(GrpcStatus.UNAVAILABLE, "the server speaks HTTP/2, not HTTP/1.1", from_peer=False),
            "in clear text that has to be asked for: --http 2",
        ),
        (Status(GrpcStatus.UNIMPLEMENTED, "404", from_peer=False), "it has no route for this host or method"),
    ],
)
def test_every_failure_over_connect_is_explained_without_a_probe_that_speaks_grpc(status: Status, words: str) -> None:
    line = cause_of(status, options_for("grpc://127.0.0.1:1", protocol=Protocol.CONNECT), method="a.B/C")
    assert str(line).startswith("likely cause: ")
    assert str(line).endswith(words)


def test_what_goes_wrong_on_the_way_to_the_cause_is_not_told() -> None:
    with grpc_server(tls=True) as server:
        unusable = options_for(f"grpcs://127.0.0.1:{server.port}", cacert="/nowhere")
        assert cause_of(Status(GrpcStatus.UNAVAILABLE, "", from_peer=False), unusable) is None


def test_the_probe_leaves_out_names_that_say_nothing_new() -> None:
    target = replace(parse_target("grpcs://h:8443"), authority="h:8443", server_name="h")
    assert probe_command(ChannelOptions(target)) == "grpcdoctor probe h:8443"
    target = replace(target, authority="other:8443")
    assert probe_command(ChannelOptions(target)) == "grpcdoctor probe --authority other:8443 --servername h h:8443"


def test_without_a_look_at_the_wire_only_what_is_known_is_told() -> None:
    lost = Status(GrpcStatus.UNAVAILABLE, "error reading from server: EOF", from_peer=False)
    assert cause_of(lost, options_for("grpc://127.0.0.1:1"), may_probe=False) is None
    assert cause_of(Status(GrpcStatus.NOT_FOUND), options_for("grpc://127.0.0.1:1"), may_probe=False) is not None


def test_the_probe_has_the_options_of_the_call() -> None:
    options = options_for("grpcs://grpc.example.com:8443", cacert="my ca.pem", cert="c", key="k", use_proxy=False)
    assert probe_command(options) == (
        "grpcdoctor probe --cacert 'my ca.pem' --cert c --key k --no-proxy grpc.example.com:8443"
    )
