"""ingress-backend-protocol-case: a protocol annotation in the wrong case, which works by half or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import annotation_path
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.ingress.aws import VERSION
from grpcdoctor.cluster.ingress.nginx import BACKEND_PROTOCOL, is_canary
from grpcdoctor.cluster.ingress.table import controller_of
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD671",
    name="ingress-backend-protocol-case",
    severity=Severity.WARNING,
    title="a protocol annotation is not in capitals, and works by half or not at all",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in cluster.all(INGRESS):
        platform = controller_of(cluster, item).platform
        nginx = item.annotations.get(BACKEND_PROTOCOL, "")
        if platform == "ingress-nginx" and _is_grpc_in_lower_case(nginx, "GRPC", "GRPCS") and not is_canary(item):
            yield _of_nginx(item, nginx)
        alb = item.annotations.get(VERSION, "")
        if platform == "alb" and _is_grpc_in_lower_case(alb, "GRPC", "HTTP2"):
            yield _of_alb(item, alb)


def _is_grpc_in_lower_case(value: str, *words: str) -> bool:
    return value.upper() in words and value not in words


def _of_nginx(item: Object, value: str) -> Conclusion:
    right = value.upper()
    return about(
        RULE,
        item,
        annotation_path(BACKEND_PROTOCOL),
        f'{item.title} has backend-protocol "{value}": gRPC\'s headers and timeouts are for "{right}" only',
        symptom="Calls work, but the server sees the authority upstream_balancer and no X-Forwarded-* headers, and the "
        "proxy-*-timeout annotations are lost: streams that are silent for 60 s end with INTERNAL (RST_STREAM).",
        fixes=(Edit(item).set(annotation_path(BACKEND_PROTOCOL), right).fix(f'Write it in capitals: "{right}"'),),
    )


def _of_alb(item: Object, value: str) -> Conclusion:
    right = value.upper()
    return about(
        RULE,
        item,
        annotation_path(VERSION),
        f'{item.title} has backend-protocol-version "{value}", which the AWS Load Balancer Controller refuses',
        symptom='The controller reports "backend protocol version must be within [HTTP1, HTTP2, GRPC]" and does not '
        "update the load balancer: without an earlier state there is none, and clients get UNAVAILABLE.",
        fixes=(Edit(item).set(annotation_path(VERSION), right).fix(f'Write it in capitals: "{right}"'),),
        severity=Severity.ERROR,
    )
