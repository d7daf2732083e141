"""Tunnels to pods: over a server that answers as API servers and kubelets do, and over every way in which one fails."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.cluster.live.connection import Connection, connect
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.portforward import Forwarder, Tunnel
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.cluster.live.pod_servers import PORT, answer_at_the_end, answer_http, drip, echo, in_the_pod, refusal, tunnel
from tests.cluster.live.things import pod
from tests.lab.connect_proxy import connect_proxy
from tests.lab.grpc_server import GrpcServer
from tests.lab.kube_api import TOKEN, Fault, KubeApi, running_kube_api
from tests.lab.port_forward import MISBEHAVIOURS, V4, V5


@pytest.fixture
def connection(api: KubeApi, tmp_path: Path) -> Iterator[Connection]:
    """To an API server with one running pod, greeter-0."""
    api.add(pod("greeter-0"))
    with connect(kubeconfig=str(api.kubeconfig(tmp_path))) as opened:
        yield opened


def end_of(opened: Tunnel) -> PortForwardError | None:
    """Reads to the end; how it ended."""
    opened.socket().settimeout(10)
    with contextlib.suppress(OSError):
        while opened.socket().recv(65536):
            pass
    return opened.error


def everything(connected: socket.socket) -> bytes:
    connected.settimeout(10)
    found = b""
    while data := connected.recv(65536):
        found += data
    return found


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("tls", [False, True])
def test_bytes_go_through_both_ways_however_many(tls: bool, tmp_path: Path) -> None:
    sent = os.urandom(3_000_000)
    with in_the_pod(echo) as local, running_kube_api([pod("greeter-0")], tls=tls) as api:
        api.pod_ports["prod", "greeter-0", PORT] = local
        with connect(kubeconfig=str(api.kubeconfig(tmp_path))) as connection, tunnel(connection) as opened:
            writer = threading.Thread(target=opened.socket().sendall, args=(sent,))
            writer.start()
            received = b""
            opened.socket().settimeout(20)
            while len(received) < len(sent):
                received += opened.socket().recv(1 << 20)
            writer.join()
            assert received == sent
            assert opened.error is None


def test_a_client_that_stops_writing_still_gets_the_whole_answer(connection: Connection, api: KubeApi) -> None:
    with in_the_pod(answer_http) as local:
        api.pod_ports["prod", "greeter-0", PORT] = local
        with tunnel(connection) as opened:
            opened.socket().sendall(b"GET /config_dump HTTP/1.1\r\nHost: x\r\n\r\n")
            opened.socket().shutdown(socket.SHUT_WR)
            assert len(everything(opened.socket())) > 200_000


def test_with_v5_the_pod_hears_that_the_client_has_stopped_writing(connection: Connection, api: KubeApi) -> None:
    api.port_forward_protocols = (V5, V4)
    with in_the_pod(answer_at_the_end) as local:
        api.pod_ports["prod", "greeter-0", PORT] = local
        with tunnel(connection) as opened:
            opened.socket().sendall(b"12345")
            opened.socket().shutdown(socket.SHUT_WR)
            said = everything(opened.socket())
    assert said.startswith(b"5 bytes.")
    assert len(said) == 100_007


def test_http_goes_over_the_socket_of_a_tunnel(connection: Connection, api: KubeApi) -> None:
    with in_the_pod(answer_http) as local:
        api.pod_ports["prod", "greeter-0", 15000] = local
        with tunnel(connection, port=15000) as opened:
            client = http.client.HTTPConnection("localhost")
            client.sock = opened.socket()
            client.request("GET", "/config_dump")
            assert len(client.getresponse().read()) == 200_000


@pytest.mark.parametrize(
    ("fault", "kind", "status", "words"),
    [
        (Fault(403), "forbidden", 403, 'cannot get resource "pods/portforward"'),
        (Fault(401), "forbidden", 401, "the lab says 401"),
        (Fault(500), "server", 500, "the lab says 500"),
        (Fault(way="html"), "server", 200, "a proxy before 127.0.0.1"),
        (Fault(way="not-json"), "server", 200, "lets no WebSocket pass"),
        (Fault(way="dropped"), "dropped", 0, "closed the connection instead of opening the tunnel"),
    ],
)
def test_a_tunnel_that_is_refused_says_why(
    connection: Connection, api: KubeApi, fault: Fault, kind: str, status: int, words: str
) -> None:
    api.fail("portforward", fault)
    refused = refusal(connection)
    assert (refused.kind, refused.status) == (kind, status)
    assert words in refused.text


def test_a_pod_that_does_not_exist_or_does_not_run_is_told_as_such(connection: Connection, api: KubeApi) -> None:
    api.add(pod("pending-0", nodeName=""))
    missing, pending = refusal(connection, "nobody"), refusal(connection, "pending-0")
    assert (missing.kind, missing.status, missing.text) == ("no-pod", 404, 'pods "nobody" not found')
    assert (pending.kind, pending.status) == ("not-running", 400)
    assert pending.text == "pod pending-0 does not have a host assigned"


def test_a_handshake_that_never_comes_ends_at_its_deadline(connection: Connection, api: KubeApi) -> None:
    api.fail("portforward", Fault(way="slow"))
    assert refusal(connection, seconds=0.3).kind == "timeout"


def test_a_port_at_which_nothing_listens_is_told_in_the_words_of_the_kubelet(connection: Connection) -> None:
    with tunnel(connection) as opened:
        ended = end_of(opened)
    assert ended is not None
    assert ended.kind == "refused"
    assert ended.text.startswith("error forwarding port 50051 to pod")


def test_a_tunnel_that_is_cut_in_the_middle_says_so(connection: Connection, api: KubeApi) -> None:
    api.fail("portforward", Fault(way="cut"))
    with in_the_pod(drip) as local:
        api.pod_ports["prod", "greeter-0", PORT] = local
        with tunnel(connection) as opened:
            ended = end_of(opened)
    assert ended is not None
    assert ended.kind == "dropped"


@pytest.mark.parametrize("way", sorted(set(MISBEHAVIOURS) - {"pinging"}))
def test_what_no_api_server_sends_ends_the_tunnel_without_a_traceback(
    connection: Connection, api: KubeApi, way: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api.fail("portforward", Fault(way=way))
    with tunnel(connection) as opened:
        ended = end_of(opened)
    assert ended is not None
    assert ended.kind == ("dropped" if way == "reset" else "garbage")
    assert capfd.readouterr().err == ""


def test_pings_are_answered_and_fragments_put_together(connection: Connection, api: KubeApi) -> None:
    api.fail("portforward", Fault(way="pinging"))
    with tunnel(connection) as opened:
        assert everything(opened.socket()) == b"pong 10"


def test_fifty_tunnels_at_once_leave_nothing_behind(connection: Connection, api: KubeApi) -> None:
    threads, files = threading.active_count(), open_files()
    with in_the_pod(echo) as local, contextlib.ExitStack() as stack:
        api.pod_ports["prod", "greeter-0", PORT] = local
        opened = [stack.enter_context(tunnel(connection, seconds=30)) for _ in range(50)]
        gc.collect()
        for number, each in enumerate(opened):
            each.socket().sendall(f"tunnel {number}".encode())
        for number, each in enumerate(opened):
            each.socket().settimeout(20)
            assert each.socket().recv(100) == f"tunnel {number}".encode()
        assert api.tunnels_open == 50
        assert connection.get("/version", (), Deadline.after(5)).status == 200
    settle(lambda: (api.tunnels_open, threading.active_count() <= threads, open_files() <= files) == (0, True, True))


def test_fifty_connections_of_a_forwarder_leave_nothing_behind(connection: Connection, api: KubeApi) -> None:
    threads, files = threading.active_count(), open_files()
    with in_the_pod(echo) as local:
        api.pod_ports["prod", "greeter-0", PORT] = local
        with Forwarder(connection, "prod", "greeter-0", PORT, seconds=30) as forwarder:
            dialled = [socket.create_connection(forwarder.address, timeout=30) for _ in range(50)]
            for number, each in enumerate(dialled):
                each.sendall(f"tunnel {number}".encode())
            for number, each in enumerate(dialled):
                assert each.recv(100) == f"tunnel {number}".encode()
            gc.collect()
            assert api.tunnels_open == 50
            for each in dialled[:25]:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                each.close()
            settle(lambda: api.tunnels_open == 25)
        for each in dialled[25:]:
            each.close()
        assert forwarder.failures == ()
    settle(lambda: (api.tunnels_open, threading.active_count() <= threads, open_files() <= files) == (0, True, True))


def settle(reached: Callable[[], bool]) -> None:
    """The lab's own threads need a moment to end."""
    deadline = Deadline.after(20)
    while not reached():
        assert not deadline.expired, "something was left behind"
        time.sleep(0.02)


def test_a_tunnel_works_where_file_numbers_are_beyond_what_select_can_wait_for(
    connection: Connection, api: KubeApi
) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1500:
        pytest.skip("ulimit -n is below 1500")
    with contextlib.ExitStack() as stack, in_the_pod(echo) as local:
        for _ in range(1100):
            stack.enter_context(open(os.devnull))
        api.pod_ports["prod", "greeter-0", PORT] = local
        with tunnel(connection) as opened:
            assert opened.socket().fileno() > 1023
            opened.socket().sendall(b"hello")
            opened.socket().settimeout(10)
            assert opened.socket().recv(10) == b"hello"


def probed(forwarder: Forwarder, **options: Any) -> Report:
    from dataclasses import replace

    target = replace(parse_target("grpc://greeter.example.com:50051"), connect_to=forwarder.address)
    return asyncio.run(diagnose(target, ProbeOptions(use_proxy=False, **options)))


def test_a_grpc_server_in_a_pod_is_probed_through_a_forwarder(
    connection: Connection, api: KubeApi, grpcio_h2c: GrpcServer
) -> None:
    api.pod_ports["prod", "greeter-0", PORT] = grpcio_h2c.port
    with Forwarder(connection, "prod", "greeter-0", PORT) as forwarder:
        report = probed(forwarder, second_opinion=True)
        assert forwarder.failures == ()
    assert report.verdict is Verdict.HEALTHY
    assert {item.probe for item in report.observations} > {"http2", "grpc", "health", "reflection"}


def test_a_forwarder_tells_why_its_connections_were_closed(connection: Connection, api: KubeApi) -> None:
    with Forwarder(connection, "prod", "greeter-0", PORT) as forwarder:
        probed(forwarder)
        assert {failed.kind for failed in forwarder.failures} == {"refused"}
        api.fail("portforward", Fault(403))
        probed(forwarder)
        assert forwarder.failures[-1].kind == "forbidden"


def test_a_tunnel_goes_through_the_proxy_that_the_kubeconfig_names(api: KubeApi, tmp_path: Path) -> None:
    api.add(pod("greeter-0"))
    with in_the_pod(echo) as local, connect_proxy() as proxy, running_kube_api(tls=True) as secure:
        secure.add(pod("greeter-0"))
        secure.pod_ports["prod", "greeter-0", PORT] = local
        path = secure.kubeconfig(tmp_path, cluster={"proxy-url": f"http://127.0.0.1:{proxy.port}"})
        with connect(kubeconfig=str(path)) as connection, tunnel(connection) as opened:
            before = len(proxy.requests)
            opened.socket().sendall(b"hello")
            opened.socket().settimeout(10)
            assert opened.socket().recv(10) == b"hello"
    assert before >= 2


def test_the_official_client_takes_the_lab_for_an_api_server(connection: Connection, api: KubeApi) -> None:
    """The witness for the lab: what it speaks is what kubernetes' own port-forward understands."""
    from kubernetes.client import ApiClient, Configuration, CoreV1Api
    from kubernetes.stream import portforward

    configuration: Any = type.__call__(Configuration)
    configuration.host = api.url
    configuration.api_key = {"authorization": f"Bearer {TOKEN}", "BearerToken": f"Bearer {TOKEN}"}
    core: Any = CoreV1Api(ApiClient(configuration))
    with in_the_pod(echo) as local:
        api.pod_ports["prod", "greeter-0", PORT] = local
        good = portforward(core.connect_get_namespaced_pod_portforward, "greeter-0", "prod", ports=str(PORT))
        good.socket(PORT).settimeout(10)
        good.socket(PORT).sendall(b"hello")
        assert good.socket(PORT).recv(10) == b"hello"
        good.close()
    bad = portforward(core.connect_get_namespaced_pod_portforward, "greeter-0", "prod", ports="1234")
    bad.socket(1234).settimeout(10)
    assert bad.socket(1234).recv(10) == b""
    assert "connection refused" in bad.error(1234)
