"""requests-per-connection-one: every gRPC call gets a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._blocks import blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD719",
    name="requests-per-connection-one",
    severity=Severity.WARNING,
    title="every gRPC call gets a connection of its own",
)
READS = ROUTE_KINDS

_FIELD: Final = ("connectionPool", "http", "maxRequestsPerConnection")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        if block.number(*_FIELD) == 1:
            path = block.at(*_FIELD)
            yield about(
                RULE,
                block.rule,
                path,
                f"{block.title} closes the connection to {block.target} after each call",
                symptom="A connection and a TLS handshake for each call: higher latency and load. With "
                "maxConnections or http1MaxPendingRequests beside it, calls wait in line or fail with UNAVAILABLE: "
                "reset reason: overflow.",
                fixes=(
                    Edit(block.rule).remove(path).fix("Remove maxRequestsPerConnection: HTTP/2 shares a connection"),
                ),
                related=block.services,
            )
