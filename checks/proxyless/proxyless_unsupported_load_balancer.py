"""proxyless-unsupported-load-balancer: a DestinationRule asks for balancing that proxyless clients do not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import Use, policy_for, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD803",
    name="proxyless-unsupported-load-balancer",
    severity=Severity.WARNING,
    title="a DestinationRule asks for load balancing that proxyless clients do not do",
)
READS = ROUTE_KINDS

_IGNORED: Final = ("RANDOM", "PASSTHROUGH")
# gRPC hashes a header or the channel; every other hash policy it skips (gRFC A42).
_NO_HASH: Final = ("httpCookie", "useSourceIp", "httpQueryParameterName")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[tuple[int, FieldPath]] = set()
    for use in uses(cluster):
        policy = policy_for(cluster, use)
        simple = policy.find("loadBalancer", "simple")
        hashing = policy.find("loadBalancer", "consistentHash")
        if hashing is None and simple is not None and simple.text in _IGNORED:
            yield from _simple(use, simple.object, simple.path, simple.text, told)
        for name in _NO_HASH if hashing is not None and isinstance(hashing.value, dict) else ():
            found = policy.find("loadBalancer", "consistentHash", name)
            if found is not None and found.value is not False and _first(told, found.object, found.path):
                yield _unhashed(use, found.object, found.path, name)


def _first(told: set[tuple[int, FieldPath]], item: Object, path: FieldPath) -> bool:
    key = (id(item), path)
    fresh = key not in told
    told.add(key)
    return fresh


def _simple(use: Use, rule: Object, path: FieldPath, word: str, told: set[tuple[int, FieldPath]]) -> Iterator[Finding]:
    if not _first(told, rule, path):
        return
    client = use.target.workload
    yield about(
        RULE,
        rule,
        path,
        f"{rule.title} sets the load balancer {word}, and the proxyless client {client.title} uses ROUND_ROBIN instead",
        symptom="istiod logs a warning and sends no policy. Calls work, and are spread evenly over all endpoints "
        "whatever the "
        "rule says.",
        evidence=(seen(client.object, use.target.path, f"{client.title} dials {use.target.written}"),),
        fixes=(Edit(rule).set(path, "ROUND_ROBIN").fix("Say what happens; Go and Java know LEAST_REQUEST, too"),),
        related=(client.object, use.object),
    )


def _unhashed(use: Use, rule: Object, path: FieldPath, name: str) -> Finding:
    client = use.target.workload
    edit = Edit(rule).remove(path).set((*path[:-1], "httpHeaderName"), "x-user")
    return about(
        RULE,
        rule,
        path,
        f"{rule.title} hashes by {name}, which the proxyless client {client.title} cannot",
        symptom="gRPC hashes a header of the call only, and skips other hash policies. Without one every call takes "
        "a random "
        "place on the ring: calls of one user go to different servers.",
        evidence=(seen(client.object, use.target.path, f"{client.title} dials {use.target.written}"),),
        fixes=(edit.fix("Hash by a header that the client sends as metadata; put its name in place of x-user"),),
        related=(client.object, use.object),
    )
