"""f5-grpc-service-unlisted: nginx.org/grpc-services names a Service to which the Ingress does not route."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, confidence
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.ingress.f5_nginx import F5_NGINX, GRPC_SERVICES, listed
from grpcdoctor.cluster.ingress.routes import ingress_rules
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD696",
    name="f5-grpc-service-unlisted",
    severity=Severity.WARNING,
    title="nginx.org/grpc-services names a Service to which the Ingress does not route",
    explains=("route-backend-protocol-unset",),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    backends: dict[int, tuple[Object, list[Backend]]] = {}
    for rule in ingress_rules(cluster):
        if rule.platform == F5_NGINX.platform and rule.object.kind is INGRESS:
            backends.setdefault(id(rule.object), (rule.object, []))[1].extend(rule.backends)
    for item, found in backends.values():
        names = {backend.host.partition("/")[2]: backend for backend in found}
        words = listed(item, GRPC_SERVICES)
        unlisted = [name for name in names if name not in words]
        for word in words:
            near = get_close_matches(word, unlisted, n=1, cutoff=0.8) if word not in names else []
            only = unlisted if len(names) == len(words) == 1 else []
            if near or only:
                yield _finding(cluster, item, word, near or only, names)


def _finding(cluster: Cluster, item: Object, word: str, meant: list[str], names: dict[str, Backend]) -> Conclusion:
    return about(
        RULE,
        item,
        annotation_path(GRPC_SERVICES),
        f'{item.title} names "{word}" among its gRPC Services, and routes to {", ".join(list(names)[:3])}',
        symptom="The annotation goes by names of Services in this Ingress; others are ignored without a word. nginx "
        "speaks HTTP/1.1 to the Service that was meant: clients get UNKNOWN (HTTP status 0) or UNAVAILABLE (502).",
        evidence=tuple(seen(item, backend.path) for backend in list(names.values())[:1]),
        fixes=(_fix(item, word, meant[0]),),
        confidence=confidence(cluster, item, 0.9),
    )


def _fix(item: Object, word: str, meant: str) -> Fix:
    value = ",".join(dict.fromkeys(meant if name == word else name for name in listed(item, GRPC_SERVICES)))
    return Edit(item).set(annotation_path(GRPC_SERVICES), value).fix(f"Name {meant}, to which the Ingress routes")
