"""ingress-keepalive-requests-low: nginx closes a client's connection after so few calls that busy clients notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import evidence_of, grpc_by_nginx
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import number_at
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD677",
    name="ingress-keepalive-requests-low",
    severity=Severity.WARNING,
    title="nginx closes a connection after few calls",
)
READS = ROUTE_KINDS
_KEY: Final = "keep-alive-requests"
_DEFAULT: Final = 1000


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found = setting(cluster, NGINX, _KEY)
    serving = list(grpc_by_nginx(cluster))
    if found is None or not serving:
        return
    config, text = found
    limit = number_at(text) if text else _DEFAULT
    if limit is None or limit > _DEFAULT or (text and limit == 0):
        return
    yield about(
        RULE,
        config,
        ("data", _KEY),
        f"{config.title} has nginx close each client's connection after {limit} calls",
        symptom="A gRPC client makes all its calls on one connection. After so many nginx sends GOAWAY and refuses "
        "those that are on their way. Clients under load get UNAVAILABLE in bursts where they cannot retry.",
        evidence=evidence_of(serving[0][1], 1),
        fixes=(Edit(config).set(("data", _KEY), "100000").fix("Allow a connection 100000 calls"),),
        related=tuple(item for item, _ in serving),
        severity=Severity.WARNING if limit < _DEFAULT else Severity.INFO,
    )
