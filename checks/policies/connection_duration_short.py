"""connection-duration-short: proxies give up their connections to a gRPC server after a short time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.checks.policies._http import seconds, shown
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD717",
    name="connection-duration-short",
    severity=Severity.WARNING,
    title="connections to a gRPC server are given up early",
)
READS = ROUTE_KINDS

_FIELD: Final = ("connectionPool", "tcp", "maxConnectionDuration")
_WHOLE: Final = ("spec", "trafficPolicy")
_SHORT_FOR_HTTP: Final = 60.0
_SHORT_FOR_TCP: Final = 3600.0


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        value = seconds(block.word(*_FIELD))
        cut = bool(block.ports) and all(protocol_of(port).protocol.is_opaque for port in block.ports)
        if cut and block.path != _WHOLE:  # a TCP proxy reads the whole host's setting alone (networkfilter.go)
            continue
        if value and value < (_SHORT_FOR_TCP if cut else _SHORT_FOR_HTTP):
            yield _finding(block, value, cut)


def _finding(block: Block, value: float, cut: bool) -> Conclusion:
    path = block.at(*_FIELD)
    if cut:
        message = f"{block.title} cuts every connection to {block.target} after {shown(value)}, whatever runs on it"
        symptom = (
            "The port is opaque TCP for the proxy, which cannot wait for calls to end: streams and calls on the "
            "connection fail with UNAVAILABLE: connection reset by peer, or Socket closed."
        )
    else:
        message = f"{block.title} gives up each connection to {block.target} after {shown(value)}"
        symptom = (
            "Calls that run may end on the old connection. New ones wait for a new connection and its TLS handshake, "
            "so latency rises at each change."
        )
    return about(
        RULE,
        block.rule,
        path,
        message,
        symptom=symptom,
        fixes=(
            Edit(block.rule).remove(path).fix("Remove maxConnectionDuration"),
            *(() if cut else (Edit(block.rule).set(path, "1800s").fix("Or raise it to half an hour"),)),
        ),
        severity=None if cut else Severity.INFO,
        confidence=0.8,
        related=block.services,
    )
