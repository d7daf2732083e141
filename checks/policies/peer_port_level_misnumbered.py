"""peer-port-level-misnumbered: the keys of portLevelMtls are the pod's ports, and a Service's port is written."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import selected_by
from grpcdoctor.checks.policies._grpc import Served, served_by
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, mapping_at, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.mtls import server_mode
from grpcdoctor.cluster.kinds import PEER_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD742",
    name="peer-port-level-misnumbered",
    severity=Severity.WARNING,
    title="portLevelMtls names the Service's port, not the pod's",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    root = mesh_config(cluster).root_namespace
    for item in cluster.all(PEER_AUTHENTICATION):
        levels = mapping_at(item.raw, "spec", "portLevelMtls")
        if not mapping_at(item.raw, "spec", "selector", "matchLabels") or not levels or item.namespace == root:
            continue
        chosen = selected_by(cluster, item)
        for key in levels:
            one = _mistaken(cluster, item, chosen, str(key))
            if one is not None and str(one.number) not in {str(other) for other in levels}:
                yield _finding(cluster, item, key, one)


def _mistaken(cluster: Cluster, item: Object, chosen: tuple[Workload, ...], key: str) -> Served | None:
    """The gRPC port whose Service has this number, where no pod listens on it and the mode is another one there."""
    if any(key in {str(port.number) for port in workload.ports} for workload in chosen):
        return None
    served = [one for workload in chosen for one in served_by(cluster, workload)]
    if any(str(one.number) == key for one in served):
        return None
    wanted = _mode(item, key)
    for one in served:
        if str(one.port.number) == key and wanted and server_mode(cluster, one.workload, one.number).mode != wanted:
            return one
    return None


def _mode(item: Object, key: str) -> str:
    levels = mapping_at(item.raw, "spec", "portLevelMtls")
    found = text_at({str(port): value for port, value in levels.items()}, key, "mode")
    return "" if found == "UNSET" else found


def _finding(cluster: Cluster, item: Object, key: str | int, one: Served) -> Conclusion:
    place, service = ("spec", "portLevelMtls", key), one.port.service
    actual = server_mode(cluster, one.workload, one.number).mode
    moved = Edit(item).set(("spec", "portLevelMtls", str(one.number)), at(item.raw, *place)).remove(place)
    return about(
        RULE,
        item,
        place,
        f"{item.title} has a mode for port {key} of {service.title}, and its pods listen on {one.number}",
        symptom=f"The setting has no effect: the port is {actual}. "
        + (
            "Clients without a sidecar get UNAVAILABLE: connection reset by peer."
            if actual == "STRICT"
            else "What comes in is not held to the mode that is written."
        ),
        evidence=(seen(service.object, (*one.port.path, "targetPort")),),
        fixes=(moved.fix(f"Name the pod's port, {one.number}"),),
        related=(service.object,),
    )
