"""route-gateway-unnamed: a VirtualService for a gateway's host names no Gateway, so that only sidecars use it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE, grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.gateways import Server, servers_of
from grpcdoctor.cluster.istio.hosts import find_host, service_name_of
from grpcdoctor.cluster.istio.virtual_services import MESH, VirtualService, virtual_services
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD656",
    name="route-gateway-unnamed",
    severity=Severity.ERROR,
    title="a route for a gateway's host does not name the Gateway",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        if virtual.is_delegate or items_at(virtual.object.raw, "spec", "gateways"):
            continue
        for index, host in enumerate(virtual.hosts):
            found = _server_for(cluster, virtual, host)
            if found is not None:
                yield from _judge(cluster, virtual, index, host, found)
                break


def _server_for(cluster: Cluster, virtual: VirtualService, host: str) -> Server | None:
    """A Gateway's server for a host that nothing inside the cluster has, and no other VirtualService routes there."""
    if "." not in host or "*" in host or service_name_of(host) is not None or find_host(cluster, host) is not None:
        return None
    if host in cluster.once(_bound_hosts):
        return None
    exact, wildcards = cluster.once(_servers)
    candidates = [*exact.get(host, ()), *wildcards]
    fitting = [server for server in candidates if server.host_for(host, virtual.object.namespace) and server.is_http]
    return max(fitting, key=lambda server: (server in exact.get(host, ()), server.terminates_tls), default=None)


def _judge(
    cluster: Cluster, virtual: VirtualService, index: int, host: str, server: Server
) -> Iterator[Conclusion]:
    item, gateway = virtual.object, server.gateway
    proof = tuple(evidence for rule in rules_of(cluster, item) for evidence in grpc_proof(cluster, rule))[:2]
    exact = any(own != "*" for _, own in server.hosts)
    if not proof and not exact:
        return
    yield about(
        RULE,
        item,
        ("spec", "hosts", index),
        f"{item.title} routes {host} without naming {gateway.title}, which serves that host",
        symptom=f"Without `gateways` a VirtualService is for sidecars alone. {NO_ROUTE}",
        evidence=(seen(item, ("spec", "gateways")), seen(gateway, (*server.path, "hosts")), *proof),
        fixes=(
            Edit(item).set(("spec", "gateways"), [gateway.full_name]).fix(f"Bind it to {gateway.title}"),
            Edit(item).set(("spec", "gateways"), [gateway.full_name, MESH]).fix("Bind it to the Gateway and the mesh"),
        ),
        related=(gateway,),
        confidence=0.9 if exact else 0.7,
    )


def _bound_hosts(cluster: Cluster) -> frozenset[str]:
    """Hosts that some VirtualService routes at a gateway."""
    return frozenset(host for virtual in virtual_services(cluster) if virtual.gateway_keys for host in virtual.hosts)


def _servers(cluster: Cluster) -> tuple[dict[str, list[Server]], list[Server]]:
    """Servers by their exact hosts, and those with wildcards."""
    exact: dict[str, list[Server]] = {}
    wildcards: list[Server] = []
    for gateway in cluster.all(ISTIO_GATEWAY):
        for server in servers_of(gateway):
            hosts = {host for _, host in server.hosts}
            for host in hosts:
                exact.setdefault(host, []).append(server)
            if any("*" in host for host in hosts):
                wildcards.append(server)
    return exact, wildcards
