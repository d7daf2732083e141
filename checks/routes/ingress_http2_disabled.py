"""ingress-http2-disabled: the controller's ConfigMap has HTTP/2 off, and gRPC comes in there."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import Carried, carried, evidence_of, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Decision
from grpcdoctor.cluster.ingress.f5_nginx import F5_NGINX
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD673",
    name="ingress-http2-disabled",
    severity=Severity.ERROR,
    title="the ingress controller has HTTP/2 turned off",
    explains=("alpn-missing", "alpn-not-h2"),
)
READS = ROUTE_KINDS
_SYMPTOM = (
    "No listener offers h2. Clients get UNAVAILABLE: ssl handshake failed, TLSV1_ALERT_NO_APPLICATION_PROTOCOL "
    "(grpc-go: tls: no application protocol)."
)
_DROPPED = " It also drops nginx.org/grpc-services then, and speaks HTTP/1.1 to the pods."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for controller in (NGINX, F5_NGINX):
        group = carried(cluster, controller.platform)
        decision = controller.listening(cluster, group[0].item).decision if group else None
        if decision is not None and decision.object is not None:
            yield _finding(list(group), decision, controller.platform == F5_NGINX.platform)


def _finding(group: list[Carried], decision: Decision, f5: bool) -> Conclusion:
    holder = decision.object
    assert holder is not None
    items = tuple(dict.fromkeys(each.item for each in group))
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return about(
        RULE,
        holder,
        decision.path,
        f"{_off(decision)}, and {items[0].title}{more} routes gRPC",
        symptom=_SYMPTOM + (_DROPPED if f5 else ""),
        evidence=evidence_of(group),
        fixes=(Edit(holder).set(decision.path, "true").fix("Turn HTTP/2 on"),),
        related=(*items, *services_in(group)),
    )


def _off(decision: Decision) -> str:
    assert decision.object is not None
    said = f"{decision.path[-1]}: {decision.value}" if decision.value else f"no {decision.path[-1]}"
    return f"{decision.object.title} has HTTP/2 off ({said})"
