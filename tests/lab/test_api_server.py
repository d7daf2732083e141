"""The API server of the lab is a real one: it serves, it refuses, and it keeps what controllers would write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from tests.lab.api_server import ApiError, ApiServer, running_api_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

new_client: Any = new_client_from_config  # it has no types
READ_SERVICES = {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]}
SERVICES = "/api/v1/services"
ISTIO_GATEWAYS = "/apis/networking.istio.io/v1/gateways"
OBJECTS = """
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: prod}
spec: {ports: [{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: PASSTHROUGH}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: greeter, namespace: prod}
spec: {rules: [{backendRefs: [{name: greeter, port: 50051}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: greeter-0, namespace: prod}
spec: {containers: [{name: app, image: greeter}]}
status: {phase: Running, podIP: 10.1.0.1}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApiServer]:
    with running_api_server() as running:
        running.apply(OBJECTS)
        yield running


def get(kubeconfig: Path, path: str) -> Any:
    """What the Python client's raw ApiClient reads there; an ApiException for any answer but a good one."""
    client = new_client(config_file=str(kubeconfig))
    with client:
        request = client.param_serialize("GET", path, auth_settings=["BearerToken"], _host=client.configuration.host)
        response = client.call_api(*request)
        response.read()
        return client.response_deserialize(response, {"200": "object"}).data


def names(answer: Any) -> set[str]:
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in answer["items"]}


def test_the_administrator_lists_services_and_custom_resources(cluster: ApiServer) -> None:
    assert names(get(cluster.kubeconfig, SERVICES)) == {"default/kubernetes", "prod/greeter"}
    assert names(get(cluster.kubeconfig, ISTIO_GATEWAYS)) == {"edge/public"}
    assert names(get(cluster.kubeconfig, "/apis/gateway.networking.k8s.io/v1/grpcroutes")) == {"prod/greeter"}


def test_it_says_its_version(cluster: ApiServer) -> None:
    assert int(get(cluster.kubeconfig, "/version")["minor"].rstrip("+")) > 20


def test_a_status_is_applied_too(cluster: ApiServer) -> None:
    assert get(cluster.kubeconfig, "/api/v1/namespaces/prod/pods/greeter-0")["status"]["podIP"] == "10.1.0.1"


def test_a_restricted_user_sees_only_what_the_rules_allow(cluster: ApiServer) -> None:
    kubeconfig = cluster.restricted_kubeconfig("reader", [READ_SERVICES])
    assert "prod/greeter" in names(get(kubeconfig, SERVICES))
    with pytest.raises(ApiException) as refused:
        get(kubeconfig, ISTIO_GATEWAYS)
    assert refused.value.status == 403


def test_a_user_may_be_restricted_to_one_namespace(cluster: ApiServer) -> None:
    kubeconfig = cluster.restricted_kubeconfig("reader-of-prod", [READ_SERVICES], namespace="prod")
    assert names(get(kubeconfig, "/api/v1/namespaces/prod/services")) == {"prod/greeter"}
    with pytest.raises(ApiException) as refused:
        get(kubeconfig, SERVICES)
    assert refused.value.status == 403


def test_an_object_may_be_applied_again_and_deleted(cluster: ApiServer) -> None:
    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing", "namespace": "new"}}
    for value in ("1", "2"):
        [applied] = cluster.apply([{**thing, "data": {"key": value}}])
        assert applied["data"] == {"key": value}
    cluster.delete([thing])
    cluster.delete([thing])
    with pytest.raises(ApiError) as missing:
        cluster.request("GET", "/api/v1/namespaces/new/configmaps/thing")
    assert missing.value.status == 404


def test_what_the_api_refuses_is_said(cluster: ApiServer) -> None:
    with pytest.raises(ApiError, match=r"spec\.ports: Required value") as refused:
        cluster.apply("{apiVersion: v1, kind: Service, metadata: {name: portless}, spec: {selector: {app: x}}}")
    assert refused.value.status == 422
