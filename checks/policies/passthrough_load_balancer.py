"""passthrough-load-balancer: a DestinationRule turns load balancing off for a gRPC Service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import VIRTUAL_SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD723",
    name="passthrough-load-balancer",
    severity=Severity.WARNING,
    title="load balancing is turned off for a gRPC Service",
)
READS = ROUTE_KINDS

_SIMPLE: Final = ("loadBalancer", "simple")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        if block.word(*_SIMPLE) == "PASSTHROUGH":
            yield _finding(cluster, block)


def _finding(cluster: Cluster, block: Block) -> Conclusion:
    route = _gateway_route(cluster, block)
    by_gateway = (
        "A gateway has no original address to send to: clients get UNAVAILABLE: no healthy upstream. "
        if route is not None
        else ""
    )
    return about(
        RULE,
        block.rule,
        block.at(*_SIMPLE),
        f"{block.title} sets PASSTHROUGH for {block.target}: proxies do not balance its calls",
        symptom=f"{by_gateway}A sidecar sends to the address that the client chose, so all calls of a connection go "
        "to one pod, subsets do not hold, and mTLS is off as soon as one pod has no sidecar.",
        evidence=(seen(route, (), f"{route.title} routes a gateway's calls there"),) if route is not None else (),
        fixes=(
            Edit(block.rule)
            .set(block.at(*_SIMPLE), "LEAST_REQUEST")
            .fix("Balance call by call: simple: LEAST_REQUEST"),
        ),
        severity=Severity.ERROR if route is not None else None,
        confidence=0.8 if route is not None else 0.9,
        related=block.services,
    )


def _gateway_route(cluster: Cluster, block: Block) -> Object | None:
    """A VirtualService by which an Istio gateway sends there."""
    for port in block.ports:
        for rule, backend in rules_to(cluster, port) if isinstance(port, ServicePort) else ():
            if rule.object.kind is VIRTUAL_SERVICE and rule.entrances and backend.subset == block.subset:
                return rule.object
    return None
