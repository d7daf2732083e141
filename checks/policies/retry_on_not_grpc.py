"""retry-on-not-grpc: a gRPC route is retried on HTTP statuses, which gRPC errors never have."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._http import GRPC_TOKENS, STATUS_TOKENS, retries_of, virtual_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD702",
    name="retry-on-not-grpc",
    severity=Severity.WARNING,
    title="a gRPC route is retried on HTTP statuses only",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        retries = retries_of(cluster, route)
        written = text_at(route.raw, "retries", "retryOn")
        if retries is None or retries.path is None or not written:
            continue
        tokens = set(retries.tokens)
        if tokens & GRPC_TOKENS or not any(token in STATUS_TOKENS or token.isdigit() for token in tokens):
            continue
        path = (*retries.path, "retryOn")
        wanted = ",".join((*retries.tokens, "unavailable"))
        yield about(
            RULE,
            route.object,
            path,
            f'{route.title} retries on "{written}", and no gRPC status is among them',
            symptom="A gRPC error comes with HTTP status 200 and the error in grpc-status. An UNAVAILABLE of the "
            "server goes to the client at the first try; only broken connections are still retried.",
            evidence=route.proof,
            fixes=(
                Edit(route.object)
                .set(path, wanted)
                .fix('Add "unavailable", which a server answers when it is not ready'),
            ),
            related=route.services,
        )
