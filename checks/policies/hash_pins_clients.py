"""hash-pins-clients: consistent hashing by something that gRPC clients share or do not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, flag_at, mapping_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD722",
    name="hash-pins-clients",
    severity=Severity.WARNING,
    title="consistent hashing by what gRPC clients do not vary",
)
READS = ROUTE_KINDS

_HASH: Final = ("loadBalancer", "consistentHash")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        if flag_at(block.raw, *_HASH, "useSourceIp") is True:
            yield about(
                RULE,
                block.rule,
                block.at(*_HASH, "useSourceIp"),
                f"{block.title} sends all calls of one address to one pod of {block.target}",
                symptom="A sidecar sees one address, its own pod's, and a gateway often that of a load balancer: all "
                "calls of a client, or of all clients, go to one pod. The others idle, and it answers "
                "RESOURCE_EXHAUSTED or late.",
                fixes=_fixes(block),
                confidence=0.8,
                related=block.services,
            )
        elif mapping_at(block.raw, *_HASH, "httpCookie"):
            yield about(
                RULE,
                block.rule,
                block.at(*_HASH, "httpCookie"),
                f"{block.title} hashes the calls to {block.target} by a cookie, and gRPC clients keep no cookies",
                symptom="Every call comes without the cookie, so no client stays with its pod: the affinity that was "
                "meant is not there.",
                fixes=_fixes(block),
                severity=Severity.INFO,
                confidence=0.8,
                related=block.services,
            )


def _fixes(block: Block) -> tuple[Fix, ...]:
    balancer: FieldPath = block.at("loadBalancer")
    rest = {key: value for key, value in mapping_at(block.raw, "loadBalancer").items() if key != "consistentHash"}
    return (
        Edit(block.rule).set(balancer, {**rest, "simple": "LEAST_REQUEST"}).fix("Balance call by call: LEAST_REQUEST"),
        Edit(block.rule)
        .set(balancer, {**rest, "consistentHash": {"httpHeaderName": "x-session-id"}})
        .fix("Or hash by metadata that your clients send, here x-session-id"),
    )
