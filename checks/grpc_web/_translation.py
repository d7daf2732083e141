"""What turns gRPC-Web into gRPC: the EnvoyFilters that insert Envoy's grpc_web filter, and why one may do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, string_map, text_at
from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of, selector_of, servers_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.kinds import ENVOY_FILTER, ISTIO_GATEWAY
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, workloads

FILTER: Final = "envoy.filters.http.grpc_web"
TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"
ROUTER: Final = "envoy.filters.http.router"
MANAGER: Final = "envoy.filters.network.http_connection_manager"
_LEGACY: Final = "envoy.grpc_web"
# Names of Istio releases long gone; istiod compares names to the letter, so that a patch matched by one does nothing.
RENAMED: Final = {
    "envoy.http_connection_manager": MANAGER,
    "envoy.router": ROUTER,
    "envoy.cors": "envoy.filters.http.cors",
    "envoy.fault": "envoy.filters.http.fault",
}
_FILTER_PATH: Final = ("match", "listener", "filterChain", "filter")


@dataclass(frozen=True, eq=False)
class Insertion:
    """One of `spec.configPatches` that concerns the grpc_web filter; `path` leads to it."""

    object: Object
    path: FieldPath
    raw: dict[str, Any]

    @property
    def value(self) -> dict[str, Any]:
        return mapping_at(self.raw, "patch", "value")

    @property
    def operation(self) -> str:
        return text_at(self.raw, "patch", "operation")

    @property
    def context(self) -> str:
        return text_at(self.raw, "match", "context") or "ANY"

    @property
    def beside(self) -> str:
        """The HTTP filter that the match names: it is inserted before or after that one."""
        return text_at(self.raw, *_FILTER_PATH, "subFilter", "name")

    @property
    def beside_path(self) -> FieldPath:
        return (*self.path, *_FILTER_PATH, "subFilter", "name")

    @property
    def type(self) -> str:
        return text_at(self.value, "typed_config", "@type") or text_at(self.value, "typedConfig", "@type")

    @cached_property
    def selector(self) -> dict[str, str]:
        return string_map(self.object.raw, "spec", "workloadSelector", "labels")

    @property
    def is_well_placed(self) -> bool:
        """The filter can be built, and stands before the router."""
        if self.type != TYPE or self.beside in RENAMED or text_at(self.raw, *_FILTER_PATH, "name") in RENAMED:
            return False
        if self.operation in ("INSERT_BEFORE", "INSERT_FIRST"):
            return True
        return self.operation == "INSERT_AFTER" and self.beside not in ("", ROUTER)

    def works_in(self, workload: Workload) -> bool:
        """Its context is one that this proxy has."""
        if workload.mesh is Mesh.GATEWAY:
            return self.context in ("GATEWAY", "ANY")
        return self.context != "GATEWAY"

    def reaches(self, namespace: str, root: str) -> bool:
        return self.object.namespace in (namespace, root)

    def takes(self, workload: Workload, root: str) -> bool:
        return self.reaches(workload.namespace, root) and selects(self.selector, workload.labels)


def insertions(cluster: Cluster) -> tuple[Insertion, ...]:
    return cluster.once(_insertions)


def has_legacy_filters(item: Object) -> bool:
    """The field `filters`, which Istio dropped, inserts grpc_web."""
    return any(text_at(raw, "filterName") in (_LEGACY, FILTER) for _, raw in mappings_at(item.raw, "spec", "filters"))


def mentioned(cluster: Cluster) -> bool:
    """Some EnvoyFilter means to translate gRPC-Web, rightly placed or not."""
    return bool(insertions(cluster)) or any(has_legacy_filters(item) for item in cluster.all(ENVOY_FILTER))


def selected_by(cluster: Cluster, insertion: Insertion) -> tuple[Workload, ...]:
    """The workloads of the namespaces that it reaches."""
    root = mesh_config(cluster).root_namespace
    if not insertion.selector:
        return tuple(w for w in workloads(cluster).items if insertion.reaches(w.namespace, root))
    found = workloads(cluster).select_anywhere(insertion.selector)
    return tuple(w for w in found if insertion.reaches(w.namespace, root))


def translated_at(cluster: Cluster, gateway: Object) -> tuple[Insertion, ...]:
    """The well placed filters in this Gateway's proxies."""
    cache: dict[int, tuple[Insertion, ...]] = cluster.once(_none_yet)
    if id(gateway) not in cache:
        cache[id(gateway)] = _translated_at(cluster, gateway)
    return cache[id(gateway)]


def _none_yet(_cluster: Cluster) -> dict[int, tuple[Insertion, ...]]:
    return {}


def _translated_at(cluster: Cluster, gateway: Object) -> tuple[Insertion, ...]:
    root = mesh_config(cluster).root_namespace
    good = [one for one in insertions(cluster) if one.is_well_placed and one.context in ("GATEWAY", "ANY")]
    pods = pods_of(cluster, gateway)
    if pods:
        return tuple(one for one in good if any(one.takes(pod, root) for pod in pods))
    spaces = namespaces_of(cluster, gateway)
    labels = selector_of(gateway)
    return tuple(one for one in good if selects(one.selector, labels) and any(one.reaches(s, root) for s in spaces))


def declared_at(cluster: Cluster, gateway: Object) -> bool:
    """A server of protocol GRPC-WEB: Istio inserts the filter itself."""
    return id(gateway) in cluster.once(_declared)


def _declared(cluster: Cluster) -> frozenset[int]:
    return frozenset(
        id(gateway)
        for gateway in cluster.all(ISTIO_GATEWAY)
        if any(server.protocol is Protocol.GRPC_WEB for server in servers_of(gateway))
    )


def translated_by_backend(rule: RouteRule) -> bool:
    """Some backend's port is declared grpc-web: its sidecar translates."""
    return any(
        isinstance(backend.port, ServicePort) and protocol_of(backend.port).protocol is Protocol.GRPC_WEB
        for backend in rule.backends
    )


def is_translated(cluster: Cluster, rule: RouteRule) -> bool:
    """gRPC-Web requests that take this route become gRPC somewhere before the application."""
    if translated_by_backend(rule):
        return True
    gateways = {id(entrance.object): entrance.object for entrance in rule.entrances}.values()
    return any(declared_at(cluster, gateway) or translated_at(cluster, gateway) for gateway in gateways)


def insertion_for(gateway: Object, namespace: str) -> dict[str, Any]:
    """A new EnvoyFilter that translates at this Gateway's proxies."""
    listener = {"filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": ROUTER}}}}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "grpc-web", "namespace": namespace},
        "spec": {
            "workloadSelector": {"labels": dict(selector_of(gateway))},
            "configPatches": [
                {
                    "applyTo": "HTTP_FILTER",
                    "match": {"context": "GATEWAY", "listener": listener},
                    "patch": {"operation": "INSERT_BEFORE", "value": {"name": FILTER, "typed_config": {"@type": TYPE}}},
                }
            ],
        },
    }


def _insertions(cluster: Cluster) -> tuple[Insertion, ...]:
    return tuple(one for item in cluster.all(ENVOY_FILTER) for one in _of(item))


def _of(item: Object) -> Iterator[Insertion]:
    for index, raw in mappings_at(item.raw, "spec", "configPatches"):
        one = Insertion(item, ("spec", "configPatches", index), raw)
        names = (text_at(one.value, "name"), one.type)
        concerned = text_at(raw, "applyTo") == "HTTP_FILTER" and any("grpc_web" in name for name in names)
        if concerned and one.operation != "REMOVE":
            yield one
