"""Sidecar resources: which one a workload has, and what its `ingress` says about a port.

Source: istio pilot/pkg/model/sidecar.go, pilot/pkg/networking/core/listener_inbound.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, flag_at, mapping_at, mappings_at, number_at, string_map, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import Protocol, parse_protocol
from grpcdoctor.cluster.kinds import SIDECAR, Kind
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload

SIDECAR_KINDS: Final[tuple[Kind, ...]] = (SIDECAR,)


@dataclass(frozen=True, slots=True)
class IngressListener:
    """One of a Sidecar's `spec.ingress`: its protocol counts, whatever the Service's port says."""

    sidecar: Object
    path: FieldPath
    """Leads to the listener's `port.protocol`."""
    number: int
    protocol: Protocol
    word: str
    follows_client: bool
    """Its own `connectionPool.http.useClientProtocol`."""


def sidecar_for(cluster: Cluster, workload: Workload) -> Object | None:
    """The Sidecar with a selector for this workload, else its namespace's, else the mesh's."""
    by_namespace = cluster.once(_by_namespace)
    own = by_namespace.get(workload.namespace, ())
    for sidecar in own:
        selector = _selector(sidecar)
        if selector and selects(selector, workload.labels):
            return sidecar
    wide = next((sidecar for sidecar in own if not _selector(sidecar)), None)
    if wide is not None:
        return wide
    root = by_namespace.get(mesh_config(cluster).root_namespace, ())
    return next((sidecar for sidecar in root if not _selector(sidecar)), None)


def ingress_listeners(sidecar: Object) -> tuple[IngressListener, ...]:
    return tuple(
        IngressListener(
            sidecar,
            ("spec", "ingress", index, "port", "protocol"),
            number,
            parse_protocol(text_at(raw, "port", "protocol")),
            text_at(raw, "port", "protocol"),
            flag_at(raw, "connectionPool", "http", "useClientProtocol") is True,
        )
        for index, raw in mappings_at(sidecar.raw, "spec", "ingress")
        if (number := number_at(raw, "port", "number")) is not None
    )


def ingress_listener_for(cluster: Cluster, workload: Workload, port: int) -> IngressListener | None:
    sidecar = sidecar_for(cluster, workload)
    listeners = ingress_listeners(sidecar) if sidecar is not None else ()
    return next((listener for listener in listeners if listener.number == port), None)


def _selector(sidecar: Object) -> dict[str, str]:
    return string_map(mapping_at(sidecar.raw, "spec", "workloadSelector"), "labels")


def _by_namespace(cluster: Cluster) -> dict[str, tuple[Object, ...]]:
    """Oldest first."""
    found: dict[str, list[Object]] = {}
    for sidecar in sorted(cluster.all(SIDECAR), key=lambda s: (s.created_at, s.name)):
        found.setdefault(sidecar.namespace, []).append(sidecar)
    return {namespace: tuple(items) for namespace, items in found.items()}
