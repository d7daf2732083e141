"""Sidecar resources: which one counts for a workload, what its egress list lets the proxy know, its own listeners.

Source: istio pilot/pkg/model/sidecar.go, push_context.go getSidecarScope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, string_map, text_at, texts_at
from grpcdoctor.cluster.istio.hosts import covers
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import Protocol, parse_protocol
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import DEFAULT_DOMAIN, Cluster
from grpcdoctor.cluster.workloads import Workload, workloads


@dataclass(frozen=True, slots=True)
class Listener:
    """One of `spec.ingress`."""

    path: FieldPath
    number: int
    word: str

    @property
    def protocol(self) -> Protocol:
        return parse_protocol(self.word)


def sidecar_for(cluster: Cluster, workload: Workload) -> Object | None:
    """The one that selects the workload, else its namespace's, else that of the root namespace; the oldest of each."""
    selecting = cluster.once(_by_workload).get(id(workload))
    wide = cluster.once(_wide)
    return selecting or wide.get(workload.namespace) or wide.get(mesh_config(cluster).root_namespace)


def selector_of(item: Object) -> dict[str, str]:
    return string_map(item.raw, "spec", "workloadSelector", "labels")


def imports(item: Object, namespace: str, host: str, client_namespace: str) -> bool:
    """Whether the egress list lets proxies in `client_namespace` know this host of a Service in `namespace`."""
    listeners = list(mappings_at(item.raw, "spec", "egress"))
    if not listeners:
        return True
    return any(
        _covers(entry, namespace, host, client_namespace)
        for _, listener in listeners
        for entry in texts_at(listener, "hosts")
    )


def registry_only(cluster: Cluster, item: Object) -> bool:
    """Whether unknown addresses go into a black hole."""
    own = item.spec.get("outboundTrafficPolicy")
    if isinstance(own, dict):
        return text_at(own, "mode") in ("", "REGISTRY_ONLY")
    return mesh_config(cluster).registry_only


def listeners_of(item: Object) -> Iterator[Listener]:
    for index, raw in mappings_at(item.raw, "spec", "ingress"):
        number = number_at(raw, "port", "number")
        if number is not None:
            yield Listener(("spec", "ingress", index), number, text_at(mapping_at(raw, "port"), "protocol"))


def _covers(entry: str, namespace: str, host: str, client_namespace: str) -> bool:
    where, slash, pattern = entry.partition("/")
    if not slash:
        where, pattern = "*", entry
    wanted = client_namespace if where == "." else where
    left, svc, _ = pattern.partition(".svc.")
    if svc:  # whatever the cluster's domain is
        pattern = f"{left}.svc.{DEFAULT_DOMAIN}"
    return wanted in ("*", namespace) and covers(pattern, host)


def _oldest_first(cluster: Cluster) -> list[Object]:
    return sorted(cluster.all(SIDECAR), key=lambda item: (item.created_at, item.name))


def _by_workload(cluster: Cluster) -> dict[int, Object]:
    found: dict[int, Object] = {}
    for item in _oldest_first(cluster):
        for workload in workloads(cluster).select(selector_of(item), item.namespace) if selector_of(item) else ():
            found.setdefault(id(workload), item)
    return found


def _wide(cluster: Cluster) -> dict[str, Object]:
    """Namespace -> its Sidecar resource without a selector."""
    found: dict[str, Object] = {}
    for item in _oldest_first(cluster):
        if not selector_of(item):
            found.setdefault(item.namespace, item)
    return found
