"""What the rules about Linkerd share: who is in its mesh."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.cluster.intent import Intent, intent_of
from grpcdoctor.cluster.kinds import NAMESPACE
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload


def in_linkerd(cluster: Cluster, workload: Workload) -> bool:
    """It has the proxy, or will get it by its own annotation or its namespace's."""
    own = workload.annotations.get("linkerd.io/inject")
    if workload.linkerd or own in ("disabled", "false"):
        return workload.linkerd and own not in ("disabled", "false")
    if workload.is_pod and "status" in workload.object.raw:
        return False  # it runs, and no proxy was added
    space = cluster.get(NAMESPACE, "", workload.namespace)
    return space is not None and space.annotations.get("linkerd.io/inject") in ("enabled", "ingress")


def grpc_ports(cluster: Cluster) -> Iterator[tuple[ServicePort, list[Workload], Intent]]:
    """The gRPC ports of Services with pods in the mesh, and those pods."""
    for service in services(cluster):
        meshed = [workload for workload in service.distinct_workloads if in_linkerd(cluster, workload)]
        for port in service.ports if meshed else ():
            intent = intent_of(cluster, port)
            if intent.is_grpc:
                yield port, meshed, intent
