"""service-protocol-conflict: two Services lead to one port of the same pods, one as gRPC and one as HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._ports import PROTOCOL_ERROR, behind_sidecar, declare_h2c
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD509",
    name="service-protocol-conflict",
    severity=Severity.ERROR,
    title="two Services call the same port of the same pods gRPC and HTTP/1.1",
    explains=("service-port-not-http2",),
)
READS = ROUTE_KINDS
_HTTP1 = (Protocol.HTTP, Protocol.HTTP_PROXY)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for ports in _same_target(cluster).values():
        modern = next((port for port in ports if protocol_of(port).protocol.is_http2), None)
        old = next((port for port in ports if protocol_of(port).protocol in _HTTP1), None)
        if modern is not None and old is not None and modern.service is not old.service:
            yield _conflict(cluster, modern, old)


def _same_target(cluster: Cluster) -> dict[tuple[int, int], list[ServicePort]]:
    """(a workload with a sidecar, its port) -> the Service ports that lead there; the first workload stands for all."""
    found: dict[tuple[int, int], list[ServicePort]] = {}
    for service in services(cluster):
        for port in service.ports if behind_sidecar(service) else ():
            workload = service.workloads[0]
            number = port.number_in(workload)
            if number is not None and port.protocol == "TCP":
                found.setdefault((id(workload), number), []).append(port)
    return found


def _conflict(cluster: Cluster, modern: ServicePort, old: ServicePort) -> Conclusion:
    is_grpc = intent_of(cluster, old).is_grpc
    first, second = modern.service, old.service
    ages = first.object.created_at, second.object.created_at
    if all(ages):
        wins = first if ages[0] <= ages[1] else second
        rule = f"{wins.title} is the older one, and decides"
    else:
        wins, rule = None, "the older one decides"
    found = protocol_of(old)
    return about(
        RULE,
        second.object,
        (*old.path, found.field),
        f'{second.title} calls port {old.target} of the pods "{found.value}", and {first.title} calls it '
        f'"{protocol_of(modern).value}"',
        symptom=f"The pods' sidecar speaks one protocol to the application: {rule}. Calls by the other Service get "
        f"{PROTOCOL_ERROR}, or lose their trailers.",
        evidence=(seen(first.object, (*modern.path, protocol_of(modern).field)),),
        fixes=(_fix(modern, old, is_grpc),),
        related=(first.object, second.workloads[0].object),
        severity=_severity(wins is not first, is_grpc),
    )


def _severity(old_may_win: bool, is_grpc: bool) -> Severity | None:
    """gRPC called HTTP/1.1 fails either way; where the sidecar goes by the other one, another rule says so."""
    if not is_grpc:
        return Severity.WARNING
    return None if old_may_win else Severity.INFO


def _fix(modern: ServicePort, old: ServicePort, is_grpc: bool) -> Fix:
    if is_grpc:
        return declare_h2c(old, f"Call it HTTP/2 in {old.service.title}, too")
    edit = Edit(modern.service.object).set((*modern.path, "appProtocol"), "http")
    return edit.fix(f"Call it HTTP/1.1 in {modern.service.title}, too, for that is what the application serves")
