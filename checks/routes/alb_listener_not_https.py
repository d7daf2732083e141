"""alb-listener-not-https: a gRPC target group of an ALB, and no HTTPS listener, the only one that takes gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, by_object, confidence, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.aws import CERTIFICATE, LISTEN_PORTS, PREFIX, listeners
from grpcdoctor.cluster.ingress.table import class_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD687",
    name="alb-listener-not-https",
    severity=Severity.ERROR,
    title="an ALB routes gRPC and has no HTTPS listener",
)
READS = ROUTE_KINDS
_HTTPS: Final = '[{"HTTPS":443}]'
_MADE: Final = f"{PREFIX}create-acm-cert"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in by_object(cluster, "alb"):
        grpc = [each for each in group if each.backend.upstream.spoken is Spoken.H2]
        written = listeners(item)
        if not grpc or any(protocol == "HTTPS" for protocol, _ in written or ()):
            continue
        sure = 1.0 if written is not None else _sure(cluster, item)
        if sure == 0:
            continue
        has = ", ".join(f"{protocol} {port}" for protocol, port in written or ()) or "HTTP 80"
        decision = grpc[0].backend.upstream.decision
        yield about(
            RULE,
            item,
            annotation_path(LISTEN_PORTS),
            f"{item.title} has a gRPC target group and listens on {has}: an ALB takes gRPC with HTTPS only",
            symptom="AWS refuses a listener of HTTP for a target group of gRPC, and the controller reports it. Where "
            "the listener exists, plaintext clients get UNKNOWN (HTTP status 464) or no HTTP/2 at all.",
            evidence=(seen(decision.object or item, decision.path),),
            fixes=(
                Edit(item).set(annotation_path(LISTEN_PORTS), _HTTPS)
                .fix("Listen with HTTPS; the certificate is found by the host, or named in certificate-arn"),
            ),
            related=services_in(grpc),
            severity=None if sure == 1 else Severity.WARNING,
            confidence=confidence(cluster, item, sure),
        )  # fmt: skip


def _sure(cluster: Cluster, item: Object) -> float:
    """Without listen-ports it is HTTPS where a certificate is named, here or in the class's parameters."""
    if LISTEN_PORTS in item.annotations or CERTIFICATE in item.annotations or _MADE in item.annotations:
        return 0
    found = class_of(cluster, item).object
    if found is None:
        return 0.7
    return 0 if mapping_at(found.spec, "parameters") else 1.0
