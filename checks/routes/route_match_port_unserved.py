"""route-match-port-unserved: a match at a gateway asks for a port, or for a caller's labels, that never come there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE, grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, number_at, string_map
from grpcdoctor.cluster.istio.gateways import Server, pods_of, servers_with
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute, VirtualService, virtual_services
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD655",
    name="route-match-port-unserved",
    severity=Severity.ERROR,
    title="a match at a gateway asks for a port or a caller that never comes there",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        gateways = virtual.gateways(cluster)
        if not gateways or virtual.in_mesh or len(gateways) < len(virtual.gateway_keys):
            continue
        servers = [
            server
            for gateway in gateways
            for server in servers_with(cluster, gateway, virtual.hosts)
            if any(server.host_for(host, virtual.object.namespace) for host in virtual.hosts)
        ]
        for route in virtual.routes if servers else ():
            for index, match in route.matches:
                yield from _judge(cluster, virtual, route, (*route.path, "match", index), match, servers)


def _judge(
    cluster: Cluster,
    virtual: VirtualService,
    route: VirtualRoute,
    path: FieldPath,
    match: dict[str, Any],
    servers: list[Server],
) -> Iterator[Conclusion]:
    if items_at(match, "gateways"):
        return
    found = _wrong_port(match, servers) or _wrong_caller(cluster, match, servers)
    if found is None:
        return
    field, clause, right = found
    rules = [rule for rule in rules_of(cluster, virtual.object) if rule.path == route.path]
    proof = [evidence for rule in rules for evidence in grpc_proof(cluster, rule)]
    if not proof:
        return
    server = servers[0]
    edit = Edit(virtual.object)
    fixes = [edit.remove((*path, field)).fix("Remove the condition")]
    if right is not None:
        fixes.insert(0, Edit(virtual.object).set((*path, field), right).fix(f"Ask for port {right}"))
    yield about(
        RULE,
        virtual.object,
        (*path, field),
        f"{virtual.object.title} {clause}",
        symptom=f"The condition is never met, so the gateway leaves this route out. {NO_ROUTE}",
        evidence=(seen(server.gateway, (*server.path, "port", "number")), *proof[:2]),
        fixes=tuple(fixes),
        related=(server.gateway,),
    )


def _wrong_port(match: dict[str, Any], servers: list[Server]) -> tuple[str, str, int | None] | None:
    wanted = number_at(match, "port")
    ports = [server.port for server in servers if server.port is not None]
    if not wanted or not ports or wanted in ports:
        return None
    listed = ", ".join(str(port) for port in dict.fromkeys(ports))
    clause = f"matches port {wanted}, and its Gateway serves this host on port {listed}"
    return "port", clause, ports[0] if len(set(ports)) == 1 else None


def _wrong_caller(
    cluster: Cluster, match: dict[str, Any], servers: list[Server]
) -> tuple[str, str, int | None] | None:
    """At a gateway the "source" is the gateway's own pod."""
    wanted = string_map(match, "sourceLabels")
    pods = [pod for server in servers for pod in pods_of(cluster, server.gateway)]
    if not wanted or not pods or any(selects(wanted, pod.labels) for pod in pods):
        return None
    pairs = ", ".join(f"{key}={value}" for key, value in wanted.items())
    return "sourceLabels", f"matches sourceLabels {pairs}, which the gateway's own pods do not have", None
