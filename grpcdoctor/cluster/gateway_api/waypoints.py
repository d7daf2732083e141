"""Istio's waypoints: which Gateway stands in front of a Service (or a workload) in ambient mode.

Source: istio pilot/pkg/serviceregistry/ambient/waypoints.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A Gateway by name; `said_by` is "Service" or "Namespace"."""

    namespace: str
    name: str
    said_by: str


def waypoint_of(cluster: Cluster, service: Service) -> Waypoint | None:
    """By the Service's label, else its Namespace's; None for none, and for one turned off with `none`."""
    return waypoint_by_labels(cluster, service.object, service.namespace)


def waypoint_by_labels(cluster: Cluster, item: Object, namespace: str) -> Waypoint | None:
    for labels, said_by in ((item.labels, item.kind.name), (cluster.namespace_labels(namespace) or {}, "Namespace")):
        name = labels.get(USE_WAYPOINT, "")
        if name:
            where = labels.get(USE_WAYPOINT_NAMESPACE) or namespace
            return Waypoint(where, name, said_by) if name != _NONE else None
    return None
