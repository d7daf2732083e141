"""The lab's own servers start, serve, and go. (What each sick one answers is tested beside it, in tests/lab/.)"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.connect_proxy import connect_proxy
from tests.lab.greeter import messages
from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import Options, grpc_server, grpc_servers
from tests.lab.names import names
from tests.lab.processes import StartError, closed_port, free_port, require_program, run
from tests.lab.raw_client import call, exchange

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.certificates import Certificates
    from tests.lab.envoy import Envoy
    from tests.lab.gateway import Gateway
    from tests.lab.grpc_js import GrpcJsServer
    from tests.lab.grpc_server import GrpcServer

SECONDS = 5.0


def channel(port: int, tls: bool) -> Any:
    """A grpcio channel that trusts the lab."""
    if not tls:
        return grpc.insecure_channel(f"localhost:{port}")
    credentials = grpc.ssl_channel_credentials(lab_certificates().ca.read_bytes())
    return grpc.secure_channel(f"localhost:{port}", credentials)


def hello(port: int, tls: bool) -> str:
    """What lab.Greeter says to Ada."""
    with channel(port, tls) as to:
        method = to.unary_unary(
            "/lab.Greeter/SayHello",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=messages["HelloReply"].FromString,
        )
        return str(method(messages["HelloRequest"](name="Ada"), timeout=SECONDS).message)


def health(port: int, tls: bool, service: str = "") -> str:
    """The health of a service, or the status code's name where health cannot be asked."""
    with channel(port, tls) as to:
        stub: Any = health_pb2_grpc.HealthStub(to)  # type: ignore[no-untyped-call]
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
        except grpc.RpcError as error:
            return str(error.code().name)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def services(port: int, tls: bool, version: str = "v1alpha") -> set[str]:
    """What reflection lists; nothing where it is not served."""
    with channel(port, tls) as to:
        method = to.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        try:
            answers = list(method(iter([request]), timeout=SECONDS))
        except grpc.RpcError:
            return set()
        return {service.name for answer in answers for service in answer.list_services_response.service}


@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "tls"])
def test_grpcio_serves_greeter_health_and_reflection(tls: bool, grpcio_h2c: GrpcServer, grpcio_tls: GrpcServer) -> None:
    port = (grpcio_tls if tls else grpcio_h2c).port
    assert hello(port, tls) == "Hello, Ada!"
    assert health(port, tls) == "SERVING"
    assert {"lab.Greeter", "grpc.health.v1.Health"} < services(port, tls)


def test_one_child_serves_servers_of_many_kinds() -> None:
    with grpc_servers(
        Options(reflection="no", health=False),
        Options(status="NOT_SERVING"),
        Options(statuses={"lab.Other": "NOT_SERVING"}),
        Options(reflection="both", ports=3),
    ) as (bare, ill, partly, many):
        assert services(bare.port, False) == set()
        assert health(bare.port, False) == "UNIMPLEMENTED"
        assert health(ill.port, False) == "NOT_SERVING"
        assert [health(partly.port, False, name) for name in ("", "lab.Other", "x")] == [
            "SERVING",
            "NOT_SERVING",
            "NOT_FOUND",
        ]
        assert [hello(port, False) for port in many.ports] == ["Hello, Ada!"] * 3
        assert "lab.Greeter" in services(many.port, False, "v1")


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_an_application_may_refuse_every_call(code: str) -> None:
    with grpc_server(refuse=code) as server:
        seen = call(server.port)
        assert seen.grpc_status == str(grpc.StatusCode[code].value[0])
        assert seen.grpc_message == f"the application says {code}"
        assert health(server.port, False) == code


def test_an_application_may_want_a_token() -> None:
    with grpc_server(token="secret") as server:
        tokens = {
            "absent": (),
            "wrong": (("authorization", "Bearer x"),),
            "right": (("authorization", "Bearer secret"),),
        }
        seen = {name: call(server.port, headers=headers).grpc_status for name, headers in tokens.items()}
    assert seen == {"absent": "16", "wrong": "7", "right": "0"}


def test_a_saturated_server_refuses_and_a_stuck_one_never_answers() -> None:
    with grpc_servers(Options(saturated=True), Options(stuck=True)) as (saturated, stuck):
        assert call(saturated.port).grpc_message == "Concurrent RPC limit exceeded!"
        assert call(stuck.port, timeout=0.5).error == "timeout"


def test_methods_of_the_greeter_fail_count_and_take_their_time(grpcio_h2c: GrpcServer) -> None:
    port = grpcio_h2c.port
    assert call(port, "/lab.Greeter/Fail", headers=(("lab-code", "9"),)).grpc_status == "9"
    assert call(port, "/lab.Greeter/Count").data.count(b"\x00\x00\x00\x00\x02\x08") == 3
    assert call(port, "/lab.Greeter/Slow", timeout=0.3).error == "timeout"


@pytest.mark.needs("@grpc/grpc-js")
def test_grpc_js_serves_greeter_health_and_reflection(grpc_js: GrpcJsServer) -> None:
    assert hello(grpc_js.port, True) == "Hello, Ada!"
    assert health(grpc_js.port, True) == "SERVING"
    assert "lab.Greeter" in services(grpc_js.port, True, "v1")


@pytest.mark.needs("@grpc/grpc-js")
def test_grpc_js_can_do_without_health_and_reflection() -> None:
    with grpc_js_server(tls=False, health=False, reflection=False) as server:
        assert hello(server.port, False) == "Hello, Ada!"
        assert health(server.port, False) == "UNIMPLEMENTED"
        assert services(server.port, False, "v1") == set()


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", ["healthy-tls", "healthy-h2c", "healthy-h2c-codec-http2", "tls-upstream", "grpc-web"])
def test_healthy_through_envoy(envoy: Envoy, name: str) -> None:
    assert hello(envoy.port(name), envoy.tls(name)) == "Hello, Ada!"
    assert "lab.Greeter" in services(envoy.port(name), envoy.tls(name))


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("name", ["healthy", "healthy-h2c", "healthy-grpcs"])
def test_healthy_through_nginx(nginx: Gateway, name: str) -> None:
    assert hello(nginx.port(name), nginx.tls(name)) == "Hello, Ada!"
    assert "lab.Greeter" in services(nginx.port(name), nginx.tls(name))


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("name", ["healthy", "healthy-h2c", "healthy-clear", "healthy-tls-backend"])
def test_healthy_through_haproxy(haproxy: Gateway, name: str) -> None:
    assert hello(haproxy.port(name), haproxy.tls(name)) == "Hello, Ada!"
    assert "lab.Greeter" in services(haproxy.port(name), haproxy.tls(name))


def test_a_connection_to_a_black_hole_hangs() -> None:
    with black_hole() as address, pytest.raises(TimeoutError):
        socket.create_connection(address, timeout=1.0)


def test_a_closed_port_refuses_and_stays_taken() -> None:
    with closed_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1.0)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


def test_a_server_listens_on_one_address_only() -> None:
    with grpc_server(host="127.0.0.2") as server:
        assert call(server.port, host="127.0.0.2").grpc_status == "0"
        assert "refused" in call(server.port, host="127.0.0.1").error


def test_a_server_listens_on_ipv6() -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        with grpc_server(host="::1") as server:
            assert call(server.port, host="::1").grpc_status == "0"


def test_a_server_listens_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with grpc_server(unix=str(path)), grpc.insecure_channel(f"unix:{path}") as to:
        grpc.channel_ready_future(to).result(timeout=SECONDS)


@pytest.mark.needs("unshare")
def test_a_name_has_the_addresses_that_a_test_gives_it() -> None:
    ask = "import socket\nfor name in 'two.example.test', 'none.example.test':\n"
    ask += " try: print(len(socket.gethostbyname_ex(name)[2]))\n"
    ask += " except socket.gaierror as error: print(error.errno == socket.EAI_AGAIN)"
    with names({"two.example.test": ["127.0.0.1", "127.0.0.2"]}) as prefix:
        done = subprocess.run([*prefix, sys.executable, "-c", ask], capture_output=True, timeout=20, check=False)
    assert done.stdout.split() == [b"2", b"True"], done.stderr


def test_a_proxy_tunnels_and_refuses(grpcio_h2c: GrpcServer) -> None:
    request = f"CONNECT localhost:{grpcio_h2c.port} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connect_proxy() as proxy, connect_proxy(refuse="407 Proxy Authentication Required") as guarded:
        assert exchange(proxy.port, request, timeout=0.5)[0].startswith(b"HTTP/1.1 200 ")
        assert exchange(guarded.port, request)[0].startswith(b"HTTP/1.1 407 ")
        assert proxy.requests == [request.decode()]


def test_a_missing_program_is_named_in_the_skip() -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        require_program("no-such-program")


def test_a_server_that_does_not_start_shows_its_log() -> None:
    command = [sys.executable, "-c", "print('it hurts here'); raise SystemExit(3)"]
    with pytest.raises(StartError, match="it hurts here"), run("sick", command, lambda: False):
        pass


def test_a_server_goes_with_its_block() -> None:
    with grpc_server() as server:
        port, pid = server.port, server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "refused" in call(port).error


def test_ports_are_outside_the_ephemeral_range(certificates: Certificates) -> None:
    assert certificates.ca.exists()
    assert all(port < 32_768 for port in {free_port() for _ in range(20)})
