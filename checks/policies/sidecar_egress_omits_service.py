"""sidecar-egress-omits-service: a Sidecar resource keeps a gRPC Service from the proxy of a client that calls it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import grpc_ports
from grpcdoctor.checks.policies._mentions import Mention, mentions_of
from grpcdoctor.checks.policies._sidecars import imports, registry_only, sidecar_for
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, mappings_at
from grpcdoctor.cluster.istio.mtls import STRICT, server_mode
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD753",
    name="sidecar-egress-omits-service",
    severity=Severity.ERROR,
    title="a Sidecar resource hides a gRPC Service from a client that calls it",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(SIDECAR):
        return
    told: set[tuple[int, int]] = set()
    for port in grpc_ports(cluster):
        for mention in mentions_of(cluster, port):
            workload = mention.workload
            item = sidecar_for(cluster, workload) if workload.mesh is Mesh.SIDECAR else None
            if item is None or imports(item, port.service.namespace, port.service.full_host, workload.namespace):
                continue
            if (id(item), id(port.service)) not in told:
                told.add((id(item), id(port.service)))
                yield _finding(cluster, port, mention, item)


def _finding(cluster: Cluster, port: ServicePort, mention: Mention, item: Object) -> Conclusion:
    service = port.service
    closed = registry_only(cluster, item)
    strict = _is_strict(cluster, port)
    if closed:
        effect = "ends in a black hole (REGISTRY_ONLY). Clients get UNAVAILABLE (14) with an empty message."
    elif strict:
        effect = (
            "leaves as plaintext, and the server takes mTLS only. Clients get UNAVAILABLE: … reset reason: connection "
            "termination."
        )
    else:
        effect = "leaves as plaintext to one pod for each connection: without mTLS, retries, and balance between pods."
    index = next((index for index, raw in mappings_at(item.raw, "spec", "egress") if not raw.get("port")), 0)
    place = ("spec", "egress", index, "hosts")
    entry = f"{service.namespace}/{port.service.full_host}"
    return about(
        RULE,
        item,
        place,
        f"{item.title} leaves {service.title} out of egress.hosts, and {mention.workload.title} calls it",
        symptom=f"To its proxy the Service is an unknown address. A call {effect}",
        evidence=(seen(mention.workload.object, mention.path, mention.text),),
        fixes=(Edit(item).set((*place, len(items_at(item.raw, *place))), entry).fix(f"Add {entry}"),),
        related=(service.object, mention.workload.object),
        severity=None if closed or strict else Severity.WARNING,
        confidence=0.9,
    )


def _is_strict(cluster: Cluster, port: ServicePort) -> bool:
    return any(
        workload.mesh.takes_mtls and server_mode(cluster, workload, port.number_in(workload)).mode == STRICT
        for workload in port.service.workloads
    )
