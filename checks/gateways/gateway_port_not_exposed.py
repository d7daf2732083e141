"""gateway-port-not-exposed: the Service of the gateway's pods does not have the port that a server is for."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, listening_port, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at, items_at, mappings_at
from grpcdoctor.cluster.istio.gateways import pods_of, services_of
from grpcdoctor.cluster.kinds import SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD602",
    name="gateway-port-not-exposed",
    severity=Severity.ERROR,
    title="the gateway's Service does not have the port of a Gateway",
)
READS = ROUTE_KINDS
_FIRST_FREE = 1024
_SHIFT = 8000


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        if use.severity is None or not use.server.port or use.server.bind:
            continue
        fronts = services_of(cluster, use.gateway)
        if fronts and not _is_reachable(use, fronts) and not any(map(_is_open, pods_of(cluster, use.gateway))):
            yield _finding(cluster, use, fronts[0])


def _is_reachable(use: Use, fronts: tuple[Service, ...]) -> bool:
    """By one of the Services; also where that cannot be told."""
    for service in fronts:
        if service.is_headless or not service.ports:
            return True
        for port in service.ports:
            unknown = isinstance(port.target, str) and not port.target_numbers
            if port.protocol == "TCP" and (unknown or use.server.port in (port.number, *port.target_numbers)):
                return True
    return False


def _is_open(pod: Workload) -> bool:
    """The node's own ports lead there, whatever the Services say."""
    ports = (port for c in pod.all_containers for _, port in mappings_at(c.raw, "ports"))
    return flag_at(pod.spec, "hostNetwork") is True or any("hostPort" in port for port in ports)


def _finding(cluster: Cluster, use: Use, service: Service) -> Conclusion:
    numbers = ", ".join(str(port.number) for port in service.ports)
    return about(
        RULE,
        use.gateway,
        (*use.server.path, "port", "number"),
        f"{use.title} is not a port of its {service.title}, which has {numbers}",
        symptom="Envoy listens on the port, and no connection from outside reaches it. Clients get UNAVAILABLE (14) or "
        "DEADLINE_EXCEEDED (4): the connection times out or is refused.",
        evidence=(seen(service.object, ("spec", "ports")), *use.proof),
        fixes=tuple(_fixes(cluster, use, service)),
        related=(service.object, *use.related),
        severity=use.severity,
        confidence=1.0 if cluster.has_all(SERVICE, service.namespace) else 0.8,
    )


def _fixes(cluster: Cluster, use: Use, service: Service) -> Iterator[Fix]:
    server = use.server
    number = server.port or 0
    target = number if number >= _FIRST_FREE else number + _SHIFT
    name = f"{(server.protocol_word or 'tcp').lower()}-{number}"
    port = {"name": name, "port": number, "targetPort": target}
    index = len(items_at(service.object.raw, "spec", "ports"))
    edit = Edit(service.object).set(("spec", "ports", index), port)
    yield edit.fix(f"Add the port {number} to {service.title}")
    taken = {listening_port(cluster, other.server) for other in uses(cluster) if other.gateway is use.gateway}
    for other in service.ports:
        https = other.number == 443 or other.name.startswith("https")
        usable = other.protocol == "TCP" and other.target_numbers and other.target_numbers[0] not in taken
        if usable and https is server.terminates_tls and "status" not in other.name:
            path = (*server.path, "port", "number")
            yield Edit(use.gateway).set(path, other.number).fix(f"Or use the Service's port {other.number}")
            return
