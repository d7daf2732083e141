"""The same over HTTPS against a real kube-apiserver: what it serves, pages and refuses is the real thing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence

import pytest

from grpcdoctor.cluster.kinds import (
    GATEWAY,
    GRPC_ROUTE,
    ISTIO_GATEWAY,
    POD,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    TRAEFIK_INGRESS_ROUTE,
    VIRTUAL_SERVICE,
    Kind,
)
from grpcdoctor.cluster.live.answers import JSON, Answer
from grpcdoctor.cluster.live.connection import Connection, connect
from grpcdoctor.cluster.live.errors import ClusterError
from grpcdoctor.cluster.live.reader import read_cluster
from grpcdoctor.cluster.live.scope import LISTED_KINDS
from grpcdoctor.wire.deadline import Deadline
from tests.lab.api_server import ApiServer, running_api_server
from tests.lab.certificates import lab_certificates

MANIFESTS = """
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: prod}
spec: {selector: {app: greeter}, ports: [{name: grpc, port: 50051}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ingress, namespace: edge, labels: {istio: ingressgateway}}
spec: {containers: [{name: istio-proxy, image: proxy, env: [{name: API_TOKEN, value: hunter2-of-the-proxy}]}]}
status: {phase: Running}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: prod}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["*"]
      tls: {mode: SIMPLE, credentialName: public-tls}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: greeter, namespace: prod}
spec: {hosts: [greeter], http: [{route: [{destination: {host: greeter}}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: greeter, namespace: prod}
spec: {rules: [{backendRefs: [{name: greeter, port: 50051}]}]}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: open, namespace: prod}
spec:
  from: [{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: edge}]
  to: [{group: "", kind: Service}]
"""
READ = ["get", "list"]


def secret() -> dict[str, object]:
    pair = lab_certificates().good
    data = {"tls.crt": pair.cert.read_bytes(), "tls.key": pair.key.read_bytes()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "public-tls", "namespace": "edge"},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApiServer]:
    with running_api_server() as running:
        running.apply(MANIFESTS)
        running.apply([secret()])
        yield running


def names(found: Sequence[object]) -> set[str]:
    return {getattr(item, "full_name", "") for item in found}


def test_everything_is_read(cluster: ApiServer) -> None:
    with connect(kubeconfig=str(cluster.kubeconfig)) as connection:
        assert connection.version.startswith("v1.")
        read = read_cluster(connection)
    assert read.blind_spots == ()
    assert all(read.has_all(kind) for kind in LISTED_KINDS)
    expected: dict[Kind, set[str]] = {
        SERVICE: {"default/kubernetes", "prod/greeter"},
        POD: {"edge/ingress"},
        ISTIO_GATEWAY: {"prod/public"},
        VIRTUAL_SERVICE: {"prod/greeter"},
        GATEWAY: set(),
        GRPC_ROUTE: {"prod/greeter"},
        REFERENCE_GRANT: {"prod/open"},
        TRAEFIK_INGRESS_ROUTE: set(),
    }
    assert {kind: names(read.all(kind)) for kind in expected} == expected
    assert "hunter2" not in json.dumps([item.raw for item in read.objects])


def test_the_secret_of_the_gateway_is_found_where_its_pods_run(cluster: ApiServer) -> None:
    with connect(kubeconfig=str(cluster.kubeconfig)) as connection:
        read = read_cluster(connection)
    found = read.get(SECRET, "edge", "public-tls")
    assert found is not None
    assert found.raw["keys"] == ["tls.crt", "tls.key"]
    assert found.raw["certificates"]["tls.crt"][0]["key_match"] is True
    assert "data" not in found.raw
    assert read.knows(SECRET, "prod", "public-tls")


def test_discovery_without_aggregation_finds_the_same(cluster: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As servers before Kubernetes 1.26 tell it."""
    get = Connection.get

    def plain(
        self: Connection, path: str, query: Sequence[tuple[str, str]], deadline: Deadline, accept: str = JSON
    ) -> Answer:
        return get(self, path, query, deadline)

    with connect(kubeconfig=str(cluster.kubeconfig)) as connection:
        whole = read_cluster(connection)
        monkeypatch.setattr(Connection, "get", plain)
        again = read_cluster(connection)
    assert again.blind_spots == ()
    assert again.counts() == whole.counts()


def test_a_list_of_many_comes_in_pages(cluster: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcdoctor.cluster.live.paging.PAGE", 7)
    ports = [{"name": "grpc", "port": 50051}]
    cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": f"many-{number}", "namespace": "many"},
                "spec": {"ports": ports},
            }
            for number in range(30)
        ]
    )
    with connect(kubeconfig=str(cluster.kubeconfig)) as connection:
        read = read_cluster(connection, kinds=[SERVICE])
    assert len([item for item in read.all(SERVICE) if item.namespace == "many"]) == 30
    assert read.has_all(SERVICE)


def test_who_may_read_services_only_is_told_the_rest_in_one_line(cluster: ApiServer) -> None:
    kubeconfig = cluster.restricted_kubeconfig(
        "services-only", [{"apiGroups": [""], "resources": ["services"], "verbs": READ}]
    )
    with connect(kubeconfig=str(kubeconfig)) as connection:
        read = read_cluster(connection, kinds=[SERVICE, POD, ISTIO_GATEWAY])
    assert read.has_all(SERVICE)
    [spot] = read.blind_spots
    assert spot.what == "pods and gateways.networking.istio.io in all namespaces"
    assert spot.why == (
        "HTTP 403: system:serviceaccount:default:services-only may not list them; grant it: "
        "kubectl create clusterrole grpcdoctor-reader --verb=get,list "
        "--resource=pods,gateways.networking.istio.io && "
        "kubectl create clusterrolebinding grpcdoctor-reader --clusterrole=grpcdoctor-reader "
        "--serviceaccount=default:services-only"
    )


def test_who_may_read_one_namespace_reads_that_one(cluster: ApiServer) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods"], "verbs": READ},
        {"apiGroups": ["networking.istio.io"], "resources": ["*"], "verbs": READ},
    ]
    kubeconfig = cluster.restricted_kubeconfig("prod-only", rules, namespace="prod")
    with connect(kubeconfig=str(kubeconfig)) as connection:
        assert connection.namespace == "prod"
        read = read_cluster(connection, kinds=[SERVICE, POD, ISTIO_GATEWAY, SECRET])
    assert names(read.all(SERVICE)) == {"prod/greeter"}
    assert read.has_all(SERVICE, "prod")
    assert not read.has_all(SERVICE)
    lists, secrets = read.blind_spots
    assert lists.what == "pods, services and gateways.networking.istio.io outside prod"
    assert secrets.what == "secrets istio-system/public-tls and prod/public-tls"


def test_a_token_that_the_server_does_not_know_is_said(cluster: ApiServer) -> None:
    with pytest.raises(ClusterError, match=r"does not accept the credentials \(HTTP 401\)"):
        connect(kubeconfig=str(cluster.kubeconfig_of("stranger", "no-such-token")))
