"""Gateways: their listeners, and which kinds and namespaces of routes each of them takes.

Source: the Gateway API's specification, sections Listener, AllowedRoutes and RouteNamespaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.hosts import covers, overlap
from grpcdoctor.cluster.kinds import GATEWAY, GATEWAY_CLASS, GRPC_ROUTE, HTTP_ROUTE, NAMESPACE, TLS_ROUTE, Kind
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import SERVICE_KINDS, Service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, workloads

LISTENER_KINDS: Final[tuple[Kind, ...]] = (GATEWAY, GATEWAY_CLASS, NAMESPACE, *SERVICE_KINDS)
GROUP: Final = GATEWAY.group

_METADATA_NAME: Final = "kubernetes.io/metadata.name"
_BY_PROTOCOL: Final = {
    "HTTP": (HTTP_ROUTE.name, GRPC_ROUTE.name),
    "HTTPS": (HTTP_ROUTE.name, GRPC_ROUTE.name),
    "TLS": (TLS_ROUTE.name,),
    "TCP": (),
    "UDP": (),
}
# Labels that say which Gateway a proxy's Service and pods belong to: (label, whether they live in its namespace).
_OWNER_LABELS: Final = (
    ("gateway.networking.k8s.io/gateway-name", True),
    ("io.cilium.gateway/owning-gateway", True),
    ("gateway.envoyproxy.io/owning-gateway-name", False),
)
_ENVOY_OWNER_NAMESPACE: Final = "gateway.envoyproxy.io/owning-gateway-namespace"


@dataclass(frozen=True, eq=False)
class Listener:
    """One of a Gateway's `spec.listeners`."""

    gateway: Object
    index: int
    raw: dict[str, Any]

    @property
    def path(self) -> FieldPath:
        return ("spec", "listeners", self.index)

    @property
    def name(self) -> str:
        return text_at(self.raw, "name")

    @property
    def port(self) -> int | None:
        return number_at(self.raw, "port")

    @property
    def protocol(self) -> str:
        return text_at(self.raw, "protocol")

    @property
    def hostname(self) -> str:
        """Empty: every host."""
        return text_at(self.raw, "hostname").lower()

    @property
    def title(self) -> str:
        """`listener https of Gateway infra/public`."""
        return f"listener {self.name or self.index} of {self.gateway.title}"

    @property
    def passes_tls(self) -> bool:
        """TLS goes through unread. `mode` omitted is Terminate."""
        return self.protocol == "TLS" and text_at(self.raw, "tls", "mode") == "Passthrough"

    @property
    def terminates_tls(self) -> bool:
        return self.protocol == "HTTPS" or (self.protocol == "TLS" and not self.passes_tls)

    @property
    def is_http(self) -> bool:
        return self.protocol in ("HTTP", "HTTPS")

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """The kinds of routes that it takes, of those we know; None for a protocol of one implementation's own."""
        by_protocol = _BY_PROTOCOL.get(self.protocol)
        listed = tuple(
            text_at(item, "kind")
            for _, item in mappings_at(self.raw, "allowedRoutes", "kinds")
            if (text_at(item, "group") or GROUP) == GROUP
        )
        if by_protocol is None:
            return listed or None
        return tuple(kind for kind in by_protocol if not listed or kind in listed)

    @property
    def lists_kinds(self) -> bool:
        return any(True for _ in mappings_at(self.raw, "allowedRoutes", "kinds"))

    def takes_kind(self, kind: Kind) -> bool:
        return self.kinds is None or kind.name in self.kinds

    @property
    def namespaces_from(self) -> str:
        """Same (the default), All, Selector or None."""
        return text_at(self.raw, "allowedRoutes", "namespaces", "from") or "Same"

    def takes_namespace(self, cluster: Cluster, namespace: str) -> bool | None:
        """Whether routes of a namespace may attach; None where its labels decide and were not shown."""
        word = self.namespaces_from
        if word != "Selector":
            return word == "All" or (word == "Same" and namespace == self.gateway.namespace)
        selector = mapping_at(self.raw, "allowedRoutes", "namespaces", "selector")
        shown = cluster.namespace_labels(namespace)
        labels = {_METADATA_NAME: namespace, **(shown or {})}
        if match_labels_selects(selector, labels):
            return True
        keys = {*mapping_at(selector, "matchLabels")}
        keys |= {text_at(item, "key") for _, item in mappings_at(selector, "matchExpressions")}
        return False if shown is not None or keys <= {_METADATA_NAME} else None

    def hosts_for(self, hostnames: tuple[str, ...]) -> tuple[str, ...] | None:
        """The hosts that a route with these hostnames has here; None where none meets. (): every host."""
        own = self.hostname
        if not hostnames:
            return (own,) if own else ()
        if not own:
            return hostnames
        met = tuple(host if covers(own, host) else own for host in hostnames if overlap(own, host))
        return tuple(dict.fromkeys(met)) or None


def listeners_of(gateway: Object) -> tuple[Listener, ...]:
    return tuple(Listener(gateway, index, raw) for index, raw in mappings_at(gateway.raw, "spec", "listeners"))


def class_name_of(gateway: Object) -> str:
    return text_at(gateway.raw, "spec", "gatewayClassName")


def class_of(cluster: Cluster, gateway: Object) -> Object | None:
    return cluster.get(GATEWAY_CLASS, "", class_name_of(gateway))


def services_of(cluster: Cluster, gateway: Object) -> tuple[Service, ...]:
    """The Services in front of its proxy, by the labels that the implementations put on them."""
    return tuple(cluster.once(_services_by_gateway).get((gateway.namespace, gateway.name), ()))


def workloads_of(cluster: Cluster, gateway: Object) -> tuple[Workload, ...]:
    """Its proxy's pods."""
    label = _OWNER_LABELS[0][0]
    found = workloads(cluster).select({label: gateway.name}, gateway.namespace)
    if found:
        return found
    behind = (workload for service in services_of(cluster, gateway) for workload in service.workloads)
    return tuple(dict.fromkeys(behind))


def _services_by_gateway(cluster: Cluster) -> dict[tuple[str, str], list[Service]]:
    found: dict[tuple[str, str], list[Service]] = {}
    for service in services(cluster):
        labels = service.object.labels
        for label, beside in _OWNER_LABELS:
            if label in labels:
                namespace = service.namespace if beside else labels.get(_ENVOY_OWNER_NAMESPACE, service.namespace)
                found.setdefault((namespace, labels[label]), []).append(service)
                break
    return found
