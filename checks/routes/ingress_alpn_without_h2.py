"""ingress-alpn-without-h2: HAProxy's tls-alpn does not offer h2, which every gRPC client needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import Carried, carried, confidence, evidence_of, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Decision
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD686",
    name="ingress-alpn-without-h2",
    severity=Severity.ERROR,
    title="HAProxy offers no h2 in the TLS handshake",
    explains=("alpn-missing", "alpn-not-h2"),
)
READS = ROUTE_KINDS
_PLATFORMS: Final = ("haproxy-ingress", "haproxy")
_RIGHT: Final = "h2,http/1.1"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    groups: dict[tuple[int, str], tuple[Decision, Object, list[Carried]]] = {}
    for each in carried(cluster, *_PLATFORMS):
        decision = each.controller.listening(cluster, each.item).decision
        if decision is not None and decision.object is not None and _has_tls(each):
            key = (id(decision.object), str(decision.path))
            groups.setdefault(key, (decision, decision.object, []))[2].append(each)
    for decision, holder, group in groups.values():
        yield about(
            RULE,
            holder,
            decision.path,
            f'{holder.title} has tls-alpn "{decision.value}" without h2, and gRPC comes in there',
            symptom="Strict clients get UNAVAILABLE: Cannot check peer: missing selected ALPN property. Old grpcurl "
            "does not check and works, which hides it.",
            evidence=evidence_of(group, 1),
            fixes=(Edit(holder).set(decision.path, _RIGHT).fix(f"Offer both: {_RIGHT}"),),
            related=(*dict.fromkeys(each.item for each in group), *services_in(group)),
            confidence=confidence(cluster, group[0].item),
        )


def _has_tls(each: Carried) -> bool:
    return any(entrance.terminates_tls for entrance in each.rule.entrances)
