"""called-port-missing: a gRPC client dials a port that the Service does not have."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, calls, service_called
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.checks.services._ports import is_meshed
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD530",
    name="called-port-missing",
    severity=Severity.ERROR,
    title="a gRPC client dials a port that the Service does not have",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    reported: set[tuple[str, str, str]] = set()
    for call in calls(cluster):
        service = service_called(cluster, call)
        if service is None or service.external_name or not service.ports or service.port(call.port) is not None:
            continue
        key = (call.workload.namespace, call.container.name, call.text)
        if key not in reported:
            reported.add(key)
            yield from _judge(cluster, service, call)


def _judge(cluster: Cluster, service: Service, call: Call) -> Iterator[Conclusion]:
    grpc = [port for port in service.ports if intent_of(cluster, port).is_grpc]
    if not grpc or not (call.says_grpc or len(service.ports) == len(grpc)):
        return
    if service.is_headless and any(call.port in port.target_numbers for port in service.ports):
        return  # its name resolves to the pods, and they listen there
    if any(workload is call.workload for workload in service.workloads):
        return
    right = next((port for port in grpc if call.port in port.target_numbers), grpc[0])
    listens = f" (its port {right.number} leads to {call.port})"
    note = listens if call.port in right.target_numbers else ""
    effect = (
        "The client's sidecar knows no such port, and passes the connection on to where nothing listens."
        if is_meshed(call.workload)
        else "Nothing listens on that port of the Service's address."
    )
    yield about(
        RULE,
        call.workload.object,
        call.path,
        f"{call.workload.title} dials {call.target}, and {service.title} has no port {call.port}{note}",
        symptom=f"{effect} The client's calls get UNAVAILABLE (connection refused or timed out) or DEADLINE_EXCEEDED.",
        evidence=(seen(service.object, ("spec", "ports")),),
        fixes=(_dial(cluster, call, right), _offer(service, call, right)),
        related=(service.object,),
        confidence=0.9,
    )


def _dial(cluster: Cluster, call: Call, right: ServicePort) -> Fix:
    owner, path = in_owner(cluster, call.workload, call.container, call.path)
    value = call.value.replace(f"{call.host}:{call.port}", f"{call.host}:{right.number}")
    return Edit(owner).set(path, value).fix(f"Dial port {right.number}")


def _offer(service: Service, call: Call, right: ServicePort) -> Fix:
    port = {"name": f"grpc-{call.port}", "port": call.port, "targetPort": right.target}
    edit = Edit(service.object).set(("spec", "ports", len(items_at(service.object.raw, "spec", "ports"))), port)
    return edit.fix(f"Or offer port {call.port} in {service.title}")
