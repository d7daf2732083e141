"""ingress-upstream-annotation-ignored: Contour's annotation says HTTP/2, and an appProtocol rules it out."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.contour import PREFIX, annotated_protocol
from grpcdoctor.cluster.ingress.routes import ingress_rules
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD685",
    name="ingress-upstream-annotation-ignored",
    severity=Severity.ERROR,
    title="an appProtocol rules out Contour's upstream-protocol annotation",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: dict[int, tuple[ServicePort, list[Object]]] = {}
    for rule in ingress_rules(cluster):
        for backend in rule.backends if rule.platform == "contour" else ():
            by_app_protocol = backend.upstream.decision.path[-1:] == ("appProtocol",)
            if by_app_protocol and backend.upstream.spoken is Spoken.HTTP1 and isinstance(backend.port, ServicePort):
                done.setdefault(id(backend.port), (backend.port, []))[1].append(rule.object)
    for port, items in done.values():
        protocol = annotated_protocol(port)
        if protocol in ("h2", "h2c"):
            yield _finding(port, protocol, items)


def _finding(port: ServicePort, protocol: str, items: list[Object]) -> Conclusion:
    holder = port.service.object
    path = (*port.path, "appProtocol")
    if protocol == "h2c":
        fix = Edit(holder).set(path, "kubernetes.io/h2c").fix("Say HTTP/2 in appProtocol, which is what counts")
    else:
        fix = Edit(holder).remove(path).fix("Remove appProtocol: there is no word of it for HTTP/2 over TLS")
    return about(
        RULE,
        holder,
        path,
        f'{holder.title} port {port.number} is annotated {protocol}; appProtocol "{port.app_protocol}" rules that out',
        symptom="Contour reads the annotation only where appProtocol is absent, and of appProtocol it knows "
        "kubernetes.io/h2c, http and https. It speaks HTTP/1.1: UNAVAILABLE … reset reason: protocol error.",
        evidence=(seen(holder, annotation_path(PREFIX + protocol)),),
        fixes=(fix,),
        related=tuple(items),
    )
