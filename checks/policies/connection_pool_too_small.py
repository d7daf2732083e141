"""connection-pool-too-small: a DestinationRule's limits on calls are smaller than what gRPC clients keep open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.checks.policies._streams import streaming_word
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD706",
    name="connection-pool-too-small",
    severity=Severity.WARNING,
    title="a connection pool's limits are too small for gRPC",
)
READS = ROUTE_KINDS

_REQUESTS: Final = ("connectionPool", "http", "http2MaxRequests")
_PENDING: Final = ("connectionPool", "http", "http1MaxPendingRequests")
_TINY: Final = 10
_SMALL: Final = 100
_OVERFLOW: Final = "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: overflow"

_BURST: Final = "Every call needs a new connection, so most of a burst fails"
_START: Final = "Calls wait while a connection is made; after a start or a rollout those beyond {} fail"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        requests, pending = block.number(*_REQUESTS), block.number(*_PENDING)
        if requests is not None and 0 < requests < _SMALL:
            yield _few_requests(block, requests)
        if pending is not None and 0 < pending < _TINY:
            yield _few_pending(block, pending)


def _few_requests(block: Block, limit: int) -> Conclusion:
    streaming = any(streaming_word(name) for name in (block.full.partition(".")[0], block.rule.name))
    return about(
        RULE,
        block.rule,
        block.at(*_REQUESTS),
        f"{block.title} allows {block.target} {limit} call{'s' if limit > 1 else ''} at a time; an open stream is one",
        symptom="For gRPC http2MaxRequests is the number of calls that a client's proxy has open to all pods "
        f"together. The next one fails at once: {_OVERFLOW}.",
        fixes=(
            Edit(block.rule).remove(block.at(*_REQUESTS)).fix("Remove http2MaxRequests: Istio then sets no limit"),
            Edit(block.rule).set(block.at(*_REQUESTS), 1000).fix("Or raise it above what one client has open"),
        ),
        severity=None if limit <= _TINY or streaming else Severity.INFO,
        confidence=0.8 if limit <= _TINY or streaming else 0.6,
        related=block.services,
    )


def _few_pending(block: Block, limit: int) -> Conclusion:
    one_each = (block.number("connectionPool", "http", "maxRequestsPerConnection") or 0) == 1
    connections = block.number("connectionPool", "tcp", "maxConnections")
    others = [("connectionPool", "http", "maxRequestsPerConnection")] if one_each else []
    others += [("connectionPool", "tcp", "maxConnections")] if connections is not None else []
    return about(
        RULE,
        block.rule,
        block.at(*_PENDING),
        f"{block.title} lets {limit} call{'s' if limit > 1 else ''} wait for a connection to {block.target}",
        symptom=f"{_BURST if one_each else _START.format(limit)}: {_OVERFLOW}.",
        evidence=tuple(seen(block.rule, block.at(*path)) for path in others),
        fixes=(
            Edit(block.rule)
            .remove(block.at(*_PENDING))
            .fix("Remove http1MaxPendingRequests, which counts for HTTP/2 as well: Istio then sets no limit"),
        ),
        confidence=0.9,
        related=block.services,
    )
