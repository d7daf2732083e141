"""route-in-wrong-section: routes for gRPC stand in a section that the Gateway's server does not read."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE, grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, items_at, text_at
from grpcdoctor.cluster.istio.gateways import Server, servers_with
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute, VirtualService, virtual_services
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD637",
    name="route-in-wrong-section",
    severity=Severity.ERROR,
    title="routes stand in a section that the gateway's port does not read",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        gateways = virtual.gateways(cluster)
        if gateways and len(gateways) == len(virtual.gateway_keys) and virtual.routes:
            servers = [
                server
                for gateway in gateways
                for server in servers_with(cluster, gateway, virtual.hosts)
                if any(server.host_for(host, virtual.object.namespace) for host in virtual.hosts)
            ]
            yield from _judge(cluster, virtual, servers)


def _judge(cluster: Cluster, virtual: VirtualService, servers: list[Server]) -> Iterator[Conclusion]:
    usable = [server for server in servers if not server.redirects_to_https]
    for section in ("http", "tls", "tcp"):
        routes = [route for route in virtual.routes if route.section == section]
        if not routes or not usable or any(_reads(server, section) for server in usable):
            continue
        if section == "http" and virtual.in_mesh:
            continue  # sidecars use them
        if any(_reads(server, other.section) for server in usable for other in virtual.routes):
            continue  # its other routes serve these ports
        proof = tuple(evidence for rule in rules_of(cluster, virtual.object) for evidence in grpc_proof(cluster, rule))
        if proof:
            yield _finding(virtual, routes[0], usable[0], proof[:2])
            return


def _reads(server: Server, section: str) -> bool:
    """Whether this server takes routes of a section: http with HTTP in clear, tls unread, tcp the rest."""
    if section == "http":
        return server.is_http
    if section == "tls":
        return server.is_passthrough
    return not server.is_http


def _finding(
    virtual: VirtualService, route: VirtualRoute, server: Server, proof: tuple[Evidence, ...]
) -> Conclusion:
    gateway, port = server.gateway, server.port
    needed = "http" if server.is_http else "tls" if server.is_passthrough else "tcp"
    if server.is_http:
        effect = NO_ROUTE
    else:
        effect = "The port has no route for the connection and resets it: clients get UNAVAILABLE (14), connection "
        effect += "reset by peer or a failed TLS handshake."
    return about(
        RULE,
        virtual.object,
        route.path[:-1],
        f"{virtual.object.title} has `{route.section}` routes; {gateway.title} port {port} reads only `{needed}` ones",
        symptom=f"Port {port} has the protocol {server.protocol_word or '(none)'}"
        + (f" with tls mode {server.tls_mode}" if server.tls_mode else "")
        + f", so only `{needed}` routes take effect there. {effect}",
        evidence=(seen(gateway, (*server.path, "port", "protocol")), *proof),
        fixes=tuple(_fixes(virtual, route, server)),
        related=(gateway,),
    )


def _fixes(virtual: VirtualService, route: VirtualRoute, server: Server) -> Iterator[Fix]:
    if route.section == "http":
        yield _read_http(server)
        if server.is_passthrough:
            yield _as_tls(virtual, route)
    else:
        yield _moved(virtual, route)


def _read_http(server: Server) -> Fix:
    """The server then reads HTTP: TLS is terminated, or the port is declared HTTP."""
    edit, where = Edit(server.gateway), f"port {server.port} of {server.gateway.title}"
    if server.is_passthrough:
        edit.set((*server.path, "tls", "mode"), "SIMPLE")
        if not text_at(server.tls, "credentialName"):
            edit.set((*server.path, "tls", "credentialName"), f"{server.gateway.name}-cert")
        if server.protocol is not Protocol.HTTPS:
            edit.set((*server.path, "port", "protocol"), "HTTPS")
        return edit.fix(f"Terminate TLS on {where} (with a Secret that holds the certificate)")
    word = "HTTPS" if server.terminates_tls else "HTTP2"
    return edit.set((*server.path, "port", "protocol"), word).fix(f"Declare {where} {word}")


def _as_tls(virtual: VirtualService, route: VirtualRoute) -> Fix:
    """The same destination for TLS that goes through unread."""
    hosts = [host for host in virtual.hosts if host != "*"] or list(virtual.hosts)
    moved = {"match": [{"port": 443, "sniHosts": hosts}], "route": items_at(route.raw, "route")}
    edit = Edit(virtual.object).remove(("spec", "http")).set(("spec", "tls"), [moved])
    return edit.fix("Route by SNI instead, without paths; the server itself then speaks TLS")


def _moved(virtual: VirtualService, route: VirtualRoute) -> Fix:
    item = virtual.object
    moved = [
        {key: value for key, value in raw.items() if key in ("route", "name")}
        for raw in items_at(item.raw, "spec", route.section)
        if isinstance(raw, dict)
    ]
    path: FieldPath = ("spec", "http")
    before = at(item.raw, *path)
    edit = Edit(item).remove(("spec", route.section)).set(path, [*(before if isinstance(before, list) else []), *moved])
    return edit.fix("Make them `http` routes")
