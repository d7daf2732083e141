"""proxyless-server-port-missing: a proxyless server listens on a port that no Service of it leads to."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import proxyless, targets
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.kinds import SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import ContainerPort, Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD809",
    name="proxyless-server-port-missing",
    severity=Severity.ERROR,
    title="a proxyless server listens on a port that no Service leads to",
    explains=("container-port-without-service",),
)
READS = ROUTE_KINDS
_ASIDE = ("health", "probe", "admin", "debug", "metrics", "internal", "channelz", "csds")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    clients = {id(target.workload) for target in targets(cluster)}
    for workload in proxyless(cluster):
        found = services_selecting(cluster, workload)
        if not cluster.has_all(SERVICE, workload.namespace) or (not found and id(workload) in clients):
            continue  # a client alone needs no Service
        for port in workload.ports:
            if _is_grpc(port) and not _is_led_to(workload, port, found):
                yield about(
                    RULE,
                    workload.object,
                    port.path,
                    f"{workload.title} is proxyless and serves gRPC on port {port.number}, which no Service leads to",
                    symptom="A server with xDS asks istiod for a listener of its port, and istiod makes one only for "
                    "a port of "
                    "a Service (has no service instance for port). It never serves: UNAVAILABLE: connection refused.",
                    evidence=tuple(seen(s.object, ("spec", "ports"), f"{s.title} has others") for s in found[:1]),
                    fixes=(_fix(cluster, workload, port, found),),
                    related=tuple(service.object for service in found),
                    confidence=0.8,  # a server without xDS credentials in its code does not ask
                )


def _is_grpc(port: ContainerPort) -> bool:
    return says_grpc(port.name) and not any(word in port.name.lower() for word in _ASIDE)


def _is_led_to(workload: Workload, port: ContainerPort, found: tuple[Service, ...]) -> bool:
    return any(its.number_in(workload) == port.number for service in found for its in service.ports)


def _fix(cluster: Cluster, workload: Workload, port: ContainerPort, found: tuple[Service, ...]) -> Fix:
    new = {"name": port.name, "port": port.number, "targetPort": port.number, "appProtocol": "kubernetes.io/h2c"}
    if found:
        item: Object = found[0].object
        if any(its.name == port.name for its in found[0].ports):
            new["name"] = f"grpc-{port.number}"
        path = ("spec", "ports", len(items_at(item.raw, "spec", "ports")))
        return Edit(item).set(path, new).fix(f"Add the port to {item.title}")
    owner = owner_of(cluster, workload)[0]
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": owner.name, "namespace": workload.namespace},
        "spec": {"selector": dict(workload.labels), "ports": [new]},
    }
    return create(manifest, "Make a Service for it")
