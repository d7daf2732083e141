"""Tunnels through a real kube-apiserver: its RBAC, its errors, and its way to a kubelet (the lab's own)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from grpcdoctor.cluster.live.connection import Connection, connect
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.permissions import denials, port_forward_permissions
from grpcdoctor.cluster.live.portforward import Forwarder, Tunnel
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.lab.api_server import ApiServer, running_api_server
from tests.lab.grpc_server import grpc_server
from tests.lab.kubelet import running_kubelet

PORT = 50051
pytestmark = pytest.mark.slow


def a_pod(name: str, node: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "app", "image": "app"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {**spec, **({"nodeName": node} if node else {})},
        "status": {"phase": "Running" if node else "Pending"},
    }


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApiServer]:
    with (
        grpc_server() as server,
        running_kubelet({("prod", "greeter-0", PORT): server.port}) as kubelet,
        running_api_server(crds=False) as running,
    ):
        gone = kubelet.node("gone")
        gone["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = 1
        running.apply([kubelet.node("node-1"), gone])
        running.apply([a_pod("greeter-0", "node-1"), a_pod("pending-0"), a_pod("lost-0", "gone")])
        yield running


@pytest.fixture
def connection(cluster: ApiServer) -> Iterator[Connection]:
    with connect(kubeconfig=str(cluster.kubeconfig)) as opened:
        yield opened


def refusal(connection: Connection, pod: str) -> PortForwardError:
    with pytest.raises(PortForwardError) as refused:
        Tunnel.open(connection, "prod", pod, PORT, Deadline.after(15))
    return refused.value


def end_of(connection: Connection, pod: str, port: int) -> PortForwardError | None:
    with Tunnel.open(connection, "prod", pod, port, Deadline.after(15)) as tunnel:
        tunnel.socket().settimeout(15)
        with contextlib.suppress(OSError):
            while tunnel.socket().recv(100):
                pass
        return tunnel.error


def test_a_grpc_server_in_a_pod_is_probed_through_it(connection: Connection) -> None:
    with Forwarder(connection, "prod", "greeter-0", PORT) as forwarder:
        target = replace(parse_target("grpc://greeter:50051"), connect_to=forwarder.address)
        report = asyncio.run(diagnose(target, ProbeOptions(use_proxy=False)))
        assert forwarder.failures == ()
    assert report.verdict is Verdict.HEALTHY


def test_the_kubelets_refusal_of_a_port_comes_through_it(connection: Connection) -> None:
    ended = end_of(connection, "greeter-0", 1234)
    assert ended is not None
    assert ended.kind == "refused"


def test_its_own_errors_are_told_by_their_kind(connection: Connection) -> None:
    missing, pending, lost = (refusal(connection, pod) for pod in ("nobody", "pending-0", "lost-0"))
    assert (missing.kind, missing.status, missing.text) == ("no-pod", 404, 'pods "nobody" not found')
    assert (pending.kind, pending.status) == ("not-running", 400)
    assert lost.kind == "server"
    assert "connection refused" in lost.text


@pytest.mark.parametrize("verbs", [["get", "create"], ["get"], ["create"], []])
def test_a_review_says_no_exactly_where_the_tunnel_is_forbidden(cluster: ApiServer, verbs: list[str]) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": verbs}] if verbs else []
    name = f"may-{'-'.join(verbs) or 'nothing'}"
    with connect(kubeconfig=str(cluster.restricted_kubeconfig(name, rules))) as connection:
        wanted = port_forward_permissions("prod", connection.version)
        said = denials(connection, wanted, Deadline.after(10))
        if said:
            refused = refusal(connection, "greeter-0")
            assert (refused.kind, refused.status) == ("forbidden", 403)
        else:
            Tunnel.open(connection, "prod", "greeter-0", PORT, Deadline.after(15)).close()
    assert bool(said) is (verbs != ["get", "create"])
