"""service-entry-without-endpoints: a ServiceEntry's resolution gives proxies no address for its gRPC port."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._entries import declares_http2, grpc_hints, hosts_of, rules_to_entry
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, text_at
from grpcdoctor.cluster.istio.protocol import EntryPort, entry_ports
from grpcdoctor.cluster.kinds import POD, SERVICE_ENTRY, WORKLOAD_ENTRY
from grpcdoctor.cluster.labels import selector_of, selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import workloads
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD660",
    name="service-entry-without-endpoints",
    severity=Severity.ERROR,
    title="a ServiceEntry gives proxies no address",
)
READS = (*ROUTE_KINDS, WORKLOAD_ENTRY)

_Fault = tuple[FieldPath, str, str, Fix]


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for entry in cluster.all(SERVICE_ENTRY):
        port = next((port for port in entry_ports(entry) if _is_grpc(cluster, port)), None)
        fault = _fault(cluster, entry, port) if port is not None else None
        if port is None or fault is None:
            continue
        path, clause, symptom, fix = fault
        yield about(
            RULE,
            entry,
            path,
            f"{entry.title} {clause}",
            symptom=symptom,
            evidence=_proof(cluster, port),
            fixes=(fix,),
            related=tuple(rule.object for rule, _ in rules_to_entry(cluster, port)),
        )


def _is_grpc(cluster: Cluster, port: EntryPort) -> bool:
    return declares_http2(port) or bool(grpc_hints(cluster, port))


def _proof(cluster: Cluster, port: EntryPort) -> tuple[Evidence, ...]:
    return (seen(port.entry, (*port.path, "protocol")), *grpc_hints(cluster, port))


def _fault(cluster: Cluster, entry: Object, port: EntryPort) -> _Fault | None:
    resolution = text_at(entry.raw, "spec", "resolution") or "NONE"
    wild = next((host for host in hosts_of(entry) if "*" in host), None)
    edit, path = Edit(entry), ("spec", "resolution")
    has_endpoints = bool(items_at(entry.raw, "spec", "endpoints"))
    selector = mapping_at(entry.raw, "spec", "workloadSelector")
    healthless = "Envoy has no address to connect to: clients get UNAVAILABLE (14): no healthy upstream."
    if resolution == "STATIC" and not has_endpoints and not selector:
        better = "NONE" if wild else "DNS"
        return path, "has the resolution STATIC and no endpoints", healthless, edit.set(path, better).fix(
            f"Use {better}, which finds the address itself, or list the endpoints"
        )
    if resolution in ("DNS", "DNS_ROUND_ROBIN") and wild and not has_endpoints:
        refused = "Istio refuses it, for a wildcard cannot be looked up, and the host stays unknown: where only "
        refused += "registered hosts are allowed, clients get UNAVAILABLE (14)."
        return path, f"looks up {wild} with the resolution {resolution}", refused, edit.set(path, "NONE").fix(
            "Use NONE: the client's own lookup counts"
        )
    if resolution == "NONE" and not wild and _at_gateway(cluster, port):
        lost = "NONE sends a call where its client was going, and at a gateway that is the gateway itself. Clients get "
        lost += "UNAVAILABLE (14), or calls run in a circle."
        fix = edit.set(path, "DNS").fix("Use DNS: the gateway looks the host up")
        return path, "has the resolution NONE, and a gateway routes to it", lost, fix
    if selector and not has_endpoints and _selects_nothing(cluster, entry):
        clause = f"selects {_pairs(entry)}, which no pod and no WorkloadEntry of {entry.namespace} has"
        cure = Fix("Correct the labels", command=f"kubectl -n {entry.namespace} get pods,workloadentries --show-labels")
        return ("spec", "workloadSelector"), clause, healthless, cure
    return None


def _at_gateway(cluster: Cluster, port: EntryPort) -> bool:
    """A gateway of its own routes there; sidecars keep the original destination."""
    return any(rule.entrances or (not rule.in_mesh and rule.is_http) for rule, _ in rules_to_entry(cluster, port))


def _selects_nothing(cluster: Cluster, entry: Object) -> bool:
    if not (cluster.has_all(POD, entry.namespace) and cluster.has_all(WORKLOAD_ENTRY, entry.namespace)):
        return False
    selector = _selector(entry)
    if not selector or workloads(cluster).select(selector, entry.namespace):
        return False
    machines = cluster.in_namespace(WORKLOAD_ENTRY, entry.namespace)
    return not any(selects(selector, selector_of(mapping_at(item.raw, "spec", "labels"))) for item in machines)


def _selector(entry: Object) -> dict[str, str]:
    return selector_of({"matchLabels": mapping_at(entry.raw, "spec", "workloadSelector", "labels")})


def _pairs(entry: Object) -> str:
    return ", ".join(f"{key}={value}" for key, value in _selector(entry).items())
