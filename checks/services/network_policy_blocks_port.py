"""network-policy-blocks-port: the NetworkPolicies of a gRPC server's pods leave its port out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._owners import once_each
from grpcdoctor.checks.services._ports import grpc_ports, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import (
    FieldPath,
    flag_at,
    items_at,
    mapping_at,
    mappings_at,
    number_at,
    text_at,
    texts_at,
)
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.kinds import NETWORK_POLICY
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, workloads
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD529",
    name="network-policy-blocks-port",
    severity=Severity.ERROR,
    title="a NetworkPolicy leaves out the gRPC port of the pods that it selects",
)
READS = (*ROUTE_KINDS, NETWORK_POLICY)


@dataclass
class _Policies:
    """Workload -> the policies about what comes in to it."""

    of: dict[int, list[Object]] = field(default_factory=dict)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    policies = _policies(cluster)
    done: set[tuple[int, int]] = set()
    for port, intent in grpc_ports(cluster) if policies.of else ():
        for workload in once_each(cluster, port.service.distinct_workloads):
            number, found = port.number_in(workload), policies.of.get(id(workload), [])
            if number is None or not found or (id(workload), number) in done or workload.mesh is Mesh.AMBIENT:
                continue  # ztunnel comes to a port of its own
            done.add((id(workload), number))
            if not flag_at(workload.spec, "hostNetwork") and not any(_lets_in(p, workload, number) for p in found):
                yield from _judge(cluster, port, intent, workload, found)


def _policies(cluster: Cluster) -> _Policies:
    found = _Policies()
    for policy in cluster.all(NETWORK_POLICY):
        types = texts_at(policy.spec, "policyTypes")
        if types and "Ingress" not in types:
            continue
        selector = mapping_at(policy.spec, "podSelector")
        labels = mapping_at(selector, "matchLabels")
        plain = {str(key): str(value) for key, value in labels.items()}
        for workload in workloads(cluster).select(plain, policy.namespace):
            if match_labels_selects(selector, workload.labels):
                found.of.setdefault(id(workload), []).append(policy)
    return found


def _lets_in(policy: Object, workload: Workload, number: int) -> bool:
    """Whether somebody may come in to this port. From where is not looked at."""
    for _, rule in mappings_at(policy.spec, "ingress"):
        ports = items_at(rule, "ports")
        if not ports or any(_matches(raw, workload, number) for raw in ports):
            return True
    return False


def _matches(raw: Any, workload: Workload, number: int) -> bool:
    if (text_at(raw, "protocol") or "TCP") != "TCP":
        return False
    if not isinstance(raw, dict) or raw.get("port") is None:
        return True
    first, last = number_at(raw, "port"), number_at(raw, "endPort")
    if first is None:
        return any(port.name == text_at(raw, "port") and port.number == number for port in workload.ports)
    return first <= number <= (last if last is not None else first)


def _judge(
    cluster: Cluster, port: ServicePort, intent: Intent, workload: Workload, found: list[Object]
) -> Iterator[Conclusion]:
    known = cluster.has_all(NETWORK_POLICY, workload.namespace)
    # With manifests: a policy that lets other ports in speaks of these pods; one that denies all is half of a pair.
    policy = next((p for p in found if _rule_with_ports(p) is not None), None)
    if policy is None and not known:
        return
    policy = policy or found[0]
    number = port.number_in(workload)
    index = _rule_with_ports(policy)
    path: FieldPath = ("spec", "ingress") if index is None else ("spec", "ingress", index, "ports")
    what = "lets nothing in to" if index is None else "leaves out"
    yield about(
        RULE,
        policy,
        path,
        f"{policy.title} selects {workload.title} and {what} its gRPC port {number}",
        symptom="Packets to the port are dropped. Clients wait and get UNAVAILABLE (connection timed out) or "
        "DEADLINE_EXCEEDED; behind Envoy UNAVAILABLE: upstream connect error … reset reason: connection timeout.",
        evidence=(*hints(intent.grpc, 1), *(seen(p, ("spec", "ingress")) for p in found[:3] if p is not policy)),
        fixes=(_fix(policy, index, number),),
        related=(port.service.object, workload.object),
        confidence=0.9 if known else 0.7,
    )


def _rule_with_ports(policy: Object) -> int | None:
    return next((i for i, rule in mappings_at(policy.spec, "ingress") if items_at(rule, "ports")), None)


def _fix(policy: Object, index: int | None, number: int | None) -> Fix:
    port = {"protocol": "TCP", "port": number}
    if index is not None:
        path: FieldPath = ("spec", "ingress", index, "ports")
        count = len(items_at(policy.raw, *path))
        return Edit(policy).set((*path, count), port).fix(f"Let the same peers in to port {number}")
    rule = {"from": [{"namespaceSelector": {}}], "ports": [port]}
    count = len(items_at(policy.raw, "spec", "ingress"))
    return Edit(policy).set(("spec", "ingress", count), rule).fix(f"Let the cluster's pods in to port {number}")
