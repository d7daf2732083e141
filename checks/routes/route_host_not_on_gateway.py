"""route-host-not-on-gateway: a host of a VirtualService is one that none of its Gateways serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE, closest, grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, text_at
from grpcdoctor.cluster.istio.gateways import Server, servers_of, servers_with
from grpcdoctor.cluster.istio.hosts import find_host, full_host, overlap, service_name_of
from grpcdoctor.cluster.istio.virtual_services import VirtualService, virtual_services
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD630",
    name="route-host-not-on-gateway",
    severity=Severity.ERROR,
    title="a host of a route is not one that its Gateway serves",
    explains=("route-not-in-mesh",),
)
READS = ROUTE_KINDS
_MOST_LISTED: Final = 4


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        gateways = virtual.gateways(cluster)
        if not gateways or len(gateways) < len(virtual.gateway_keys):  # one that was not shown may serve it
            continue
        yield from _judge(cluster, virtual, gateways)


def _judge(cluster: Cluster, virtual: VirtualService, gateways: tuple[Object, ...]) -> Iterator[Conclusion]:
    namespace = virtual.object.namespace
    hosts = [
        (index, full_host(host, namespace))
        for index, host in enumerate(items_at(virtual.object.raw, "spec", "hosts"))
        if isinstance(host, str) and host
    ]
    likely = [server for gateway in gateways for server in servers_with(cluster, gateway, virtual.hosts)]
    unmet = [(i, host) for i, host in hosts if not any(server.host_for(host, namespace) for server in likely)]
    servers = [server for gateway in gateways for server in servers_of(gateway)] if unmet else []
    if not servers or any(not server.hosts for server in servers):
        return
    for index, host in unmet:
        inside = service_name_of(host) is not None or (virtual.in_mesh and find_host(cluster, host) is not None)
        if inside and (virtual.in_mesh or len(unmet) < len(hosts)):
            continue  # that name is for the mesh
        yield _finding(cluster, virtual, index, host, servers, len(unmet) == len(hosts) and not virtual.in_mesh)


def _finding(
    cluster: Cluster, virtual: VirtualService, index: int, host: str, servers: list[Server], dead: bool
) -> Conclusion:
    item = virtual.object
    barred = _barred(host, servers)
    server, which = barred if barred is not None else (_best(servers), 0)
    gateway = server.gateway
    served = list(dict.fromkeys(own for each in servers for _, own in each.hosts))[:_MOST_LISTED]
    if barred is not None:
        entry = text_at(server.raw, "hosts", which)
        message = f'{gateway.title} does not take {host} from namespace {item.namespace}: "{entry}"'
    else:
        message = f"{item.title} routes the host {host}, and {gateway.title} serves only {', '.join(served)}"
    proof = tuple(evidence for rule in rules_of(cluster, item) for evidence in grpc_proof(cluster, rule))[:2]
    path = (*server.path, "hosts", which) if barred is not None else (*server.path, "hosts")
    return about(
        RULE,
        item,
        ("spec", "hosts", index),
        message,
        symptom=f"A route takes effect only for hosts that both the VirtualService and a server of its Gateway have. "
        f"{NO_ROUTE}",
        evidence=(seen(gateway, path), *proof),
        fixes=tuple(_fixes(virtual, index, host, server, served if barred is None else [])),
        related=(gateway,),
        severity=Severity.ERROR if dead or proof else Severity.WARNING,
    )


def _barred(host: str, servers: list[Server]) -> tuple[Server, int] | None:
    """A server that has the host, for VirtualServices of another namespace."""
    for server in servers:
        for index, (_, own) in enumerate(server.hosts):
            if overlap(own, host):
                return server, index
    return None


def _best(servers: list[Server]) -> Server:
    """Where a host is best added: the server that terminates TLS, else any that reads HTTP."""
    return max(servers, key=lambda server: (server.is_http, server.terminates_tls))


def _fixes(virtual: VirtualService, index: int, host: str, server: Server, served: list[str]) -> Iterator[Fix]:
    near = closest(host, [own for own in served if "*" not in own])
    if near is not None:
        yield Edit(virtual.object).set(("spec", "hosts", index), near).fix(f"Route the host {near}")
    entry = host if served else f"{virtual.object.namespace}/{host}"
    path = (*server.path, "hosts", len(items_at(server.raw, "hosts")))
    yield Edit(server.gateway).set(path, entry).fix(f"Have {server.gateway.title} serve it: {entry}")
