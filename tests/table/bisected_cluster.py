"""The cluster behind tests/table/cluster_behind.py with its pods shown, whose ports are servers of the lab's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.table.cluster_behind import behind

if TYPE_CHECKING:
    from tests.lab.kube_api import KubeApi

GATEWAY_PORT = 8080
APP_PORT = 50051
Raw = dict[str, Any]


def pod(namespace: str, name: str, labels: dict[str, str], port: int, ready: bool = True, **metadata: Any) -> Raw:
    """A running pod with one port."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels, **metadata},
        "spec": {"nodeName": "node-1", "containers": [{"name": "app", "ports": [{"containerPort": port}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def gateway_pod(name: str, ready: bool = True) -> Raw:
    notes = {"inject.istio.io/templates": "gateway"}
    return pod("istio-system", name, {"istio": "ingressgateway"}, GATEWAY_PORT, ready, annotations=notes)


def app_pod(name: str, ready: bool = True) -> Raw:
    return pod("lab", name, {"app": "greeter"}, APP_PORT, ready, annotations={"sidecar.istio.io/inject": "false"})


def objects(*pods: Raw, cluster_ip: str = "127.0.0.1", changes: Raw | None = None) -> list[Raw]:
    """Gateway, route and Services, with these pods instead of the Deployments."""
    fields = {"service.spec.clusterIP": cluster_ip, "edge-service.spec.clusterIP": cluster_ip, **(changes or {})}
    kept = [raw for raw in behind(fields) if raw["kind"] not in ("Deployment", "Secret")]
    return [*kept, *pods, *map(_slice_of, pods)]


def _slice_of(pod: Raw) -> Raw:
    """An EndpointSlice of its own for each pod, as it may well be."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    ready = pod["status"]["conditions"][0]["status"] == "True"
    port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
    service = "istio-ingressgateway" if namespace == "istio-system" else "greeter"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": namespace,
            "name": f"{service}-{name}",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.1.0.1"],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "namespace": namespace, "name": name},
            }
        ],
        "ports": [{"name": "grpc", "port": port}],
    }


def let_pods_answer(api: KubeApi, gateway: dict[str, int], apps: dict[str, int]) -> None:
    """name -> the port of this machine that the pod's port is."""
    api.pod_ports.update({("istio-system", name, GATEWAY_PORT): port for name, port in gateway.items()})
    api.pod_ports.update({("lab", name, APP_PORT): port for name, port in apps.items()})
