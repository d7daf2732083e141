"""ingress-canary-protocol-ignored: a canary Ingress has a backend protocol of its own, and ingress-nginx ignores it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import NGINX_PLATFORM, annotation_path, rules_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.nginx import BACKEND_PROTOCOL, is_canary, main_of
from grpcdoctor.cluster.ingress.routes import ingress_rules, place_for
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD683",
    name="ingress-canary-protocol-ignored",
    severity=Severity.ERROR,
    title="a canary Ingress has a protocol of its own, which is ignored",
)
READS = ROUTE_KINDS
_GRPC: Final = ("GRPC", "GRPCS")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for rule in ingress_rules(cluster):
        item = rule.object
        if rule.platform != NGINX_PLATFORM or item.kind is not INGRESS or id(item) in done or not is_canary(item):
            continue
        for backend in rule.backends:
            place = place_for(rule, backend)
            main = main_of(cluster, item, place.host, place.match)
            own = item.annotations.get(BACKEND_PROTOCOL, "").strip()
            if main is not None and own and backend.upstream.spoken is not Spoken.UNKNOWN and _differ(main, own):
                done.add(id(item))
                yield _finding(cluster, item, main, own)


def _of(item: Object) -> str:
    return item.annotations.get(BACKEND_PROTOCOL, "").strip().upper() or "HTTP"


def _differ(main: Object, own: str) -> bool:
    return _of(main) != own.upper() and bool({_of(main), own.upper()} & set(_GRPC))


def _finding(cluster: Cluster, item: Object, main: Object, own: str) -> Conclusion:
    return about(
        RULE,
        item,
        annotation_path(BACKEND_PROTOCOL),
        f'{item.title} is a canary with backend-protocol "{own}", and {main.title} speaks {_of(main)}',
        symptom="ingress-nginx adds a canary's pods to the main Ingress's location, whose protocol holds for both. "
        "Calls that go to the canary fail: UNAVAILABLE (502), or UNKNOWN where HTTP/1.1 is spoken to a gRPC server.",
        evidence=(seen(main, annotation_path(BACKEND_PROTOCOL)),),
        fixes=_fixes(cluster, item, main, own),
        related=(main,),
    )


def _fixes(cluster: Cluster, item: Object, main: Object, own: str) -> tuple[Fix, ...]:
    raised = Edit(main).set(annotation_path(BACKEND_PROTOCOL), own.upper()).fix(
        f"Set {own.upper()} on {main.name}, which decides for both, where its own pods speak it, too"
    )
    dropped = Edit(item).remove(annotation_path(BACKEND_PROTOCOL)).fix(
        f"Remove it from the canary, where its pods speak {_of(main)} like the others"
    )  # fmt: skip
    if own.upper() in _GRPC and any(_is_grpc(cluster, rule) for rule in rules_of(cluster, main)):
        return raised, dropped
    return dropped, raised


def _is_grpc(cluster: Cluster, rule: RouteRule) -> bool:
    return any(isinstance(b.port, ServicePort) and intent_of(cluster, b.port).is_grpc for b in rule.backends)
