"""kong-protocols-incomplete: a Service speaks gRPC to Kong, and its Ingress takes no gRPC from clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, by_object, confidence, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.kong import PROTOCOL, PROTOCOLS, protocols_of
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD691",
    name="kong-protocols-incomplete",
    severity=Severity.ERROR,
    title="an Ingress of Kong takes no gRPC from clients, though its Service speaks it",
)
READS = ROUTE_KINDS
_GRPC: Final = ("grpc", "grpcs")
_RIGHT: Final = "grpc,grpcs"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in by_object(cluster, "kong"):
        spoken = [each for each in group if each.backend.upstream.spoken is Spoken.H2]
        words = protocols_of(item)
        if not spoken or item.kind is not INGRESS or (words and all(word in _GRPC for word in words)):
            continue
        mixed = any(word in _GRPC for word in words)
        if not words:
            why = "protocols is not set"
        else:
            why = f'protocols is "{",".join(words)}"' + (", mixed" if mixed else "")
        service = spoken[0].backend.service
        yield about(
            RULE,
            item,
            annotation_path(PROTOCOLS),
            f"{item.title} routes to {spoken[0].title}, which is gRPC, and takes HTTP: {why}",
            symptom="Kong has a route of HTTP in front of a gRPC service. Clients get UNIMPLEMENTED (404) or UNKNOWN "
            "(426), and the path may be stripped.",
            evidence=(seen(service.object, annotation_path(PROTOCOL)),) if service is not None else (),
            fixes=(Edit(item).set(annotation_path(PROTOCOLS), _RIGHT).fix(f'Take gRPC: {PROTOCOLS}: "{_RIGHT}"'),),
            related=services_in(spoken),
            confidence=confidence(cluster, item, 0.9),
        )
