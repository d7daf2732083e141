"""sidecar-ingress-incomplete: the listeners of a Sidecar resource leave out the port of a gRPC server."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import Served, all_served, bypasses_sidecar
from grpcdoctor.checks.policies._sidecars import listeners_of, sidecar_for
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD755",
    name="sidecar-ingress-incomplete",
    severity=Severity.INFO,
    title="a Sidecar resource lists ports of a workload, and not that of its gRPC server",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(SIDECAR):
        return
    told: set[tuple[int, int]] = set()
    for one in all_served(cluster):
        if one.workload.mesh is not Mesh.SIDECAR or bypasses_sidecar(one.workload, one.number):
            continue
        item = sidecar_for(cluster, one.workload)
        listed = {listener.number for listener in listeners_of(item)} if item is not None else set()
        if item is not None and listed and one.number not in listed and (id(item), one.number) not in told:
            told.add((id(item), one.number))
            yield _finding(item, one)


def _finding(item: Object, one: Served) -> Conclusion:
    place = ("spec", "ingress")
    listener = {
        "port": {"number": one.number, "name": f"grpc-{one.number}", "protocol": "GRPC"},
        "defaultEndpoint": f"127.0.0.1:{one.number}",
    }
    return about(
        RULE,
        item,
        place,
        f"{item.title} lists listeners and leaves out port {one.number}, on which {one.port.service.title} serves gRPC",
        symptom="Calls still work: the port is handed on as it comes. Its declared protocol, its metrics and the "
        "connection pool of the Sidecar resource do not hold for it.",
        evidence=(seen(one.port.service.object, one.port.path),),
        fixes=(Edit(item).set((*place, len(items_at(item.raw, *place))), listener).fix("List the port, too"),),
        related=(one.port.service.object,),
    )
