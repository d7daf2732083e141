"""gateway-passthrough-http-routes: `http` routes for gRPC on a server that lets TLS through unread."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import fits, leaf_of, names_of
from grpcdoctor.checks.gateways._istio import RESET, Use, stranded, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, text_at
from grpcdoctor.cluster.istio.gateways import namespaces_of
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.virtual_services import VirtualService
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD621",
    name="gateway-passthrough-http-routes",
    severity=Severity.ERROR,
    title="http routes stand behind a Gateway port that passes TLS through",
    explains=("route-in-wrong-section", "gateway-server-without-routes"),
)
READS = (*ROUTE_KINDS, SECRET)
_CERTIFICATE: Final = {"credentialName", "credentialNames", "serverCertificate", "tlsCertificates"}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        server = use.server
        if server.tls_mode != "PASSTHROUGH" or server.protocol not in (Protocol.HTTPS, Protocol.TLS):
            continue
        if not text_at(server.tls, "mode") and set(server.tls) & _CERTIFICATE:
            continue  # gateway-tls-mode-missing
        if any(route.section == "tls" for virtual in use.virtuals for route in virtual.routes):
            continue  # that is what the port is for
        lost = stranded(cluster, use)
        if lost:
            yield _finding(cluster, use, lost)


def _finding(cluster: Cluster, use: Use, lost: tuple[VirtualService, ...]) -> Conclusion:
    gateway, item = use.gateway, lost[0].object
    return about(
        RULE,
        gateway,
        (*use.server.path, "tls", "mode"),
        f"{use.title} passes TLS through unread; {item.title} has only `http` routes",
        symptom=f"What stays encrypted can be routed by SNI alone: only `tls` routes count here, and there are none. "
        f"{RESET}",
        evidence=(seen(item, ("spec", "http"), f"{item.title} has no `tls` routes"), *use.proof),
        fixes=(_terminate(cluster, use), _by_sni(lost[0])),
        related=tuple(virtual.object for virtual in lost),
    )


def _terminate(cluster: Cluster, use: Use) -> Fix:
    server, gateway = use.server, use.gateway
    place = namespaces_of(cluster, gateway)[0]
    name = text_at(server.tls, "credentialName") or _covering(cluster, use, place) or f"{gateway.name}-cert"
    edit = Edit(gateway).set((*server.path, "tls", "mode"), "SIMPLE")
    edit = edit.set((*server.path, "tls", "credentialName"), name)
    if server.protocol is not Protocol.HTTPS:
        edit = edit.set((*server.path, "port", "protocol"), "HTTPS")
    return edit.fix(f"End TLS at the gateway, with the certificate in Secret {quote(place)}/{quote(name)}")


def _covering(cluster: Cluster, use: Use, namespace: str) -> str:
    """The Secret there whose certificate is for every host of the routes; empty where none is, or more than one."""
    hosts = {host.lower() for virtual in use.virtuals for host in virtual.hosts}
    found = []
    for secret in cluster.all(SECRET):
        leaf = leaf_of(secret) if secret.namespace == namespace else None
        if leaf is not None and all(fits(names_of(leaf), host) for host in hosts):
            found.append(secret.name)
    return found[0] if len(found) == 1 else ""


def _by_sni(virtual: VirtualService) -> Fix:
    hosts = [host for host in virtual.hosts if host != "*"] or list(virtual.hosts)
    target = items_at(virtual.http[0].raw, "route")
    edit = Edit(virtual.object).remove(("spec", "http"))
    edit = edit.set(("spec", "tls"), [{"match": [{"sniHosts": hosts}], "route": target}])
    return edit.fix("Or route by SNI, without paths, if the server itself speaks TLS")
