"""proxyless-request-limit: a proxyless client refuses the 1025th concurrent call, and nothing says so."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import Use, policy_for, rules_of, uses
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD812",
    name="proxyless-request-limit",
    severity=Severity.INFO,
    title="a proxyless client has at most 1024 concurrent calls to a server",
)
READS = ROUTE_KINDS
_MANY = 10_000


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for use in uses(cluster):
        limit = policy_for(cluster, use).find("connectionPool", "http", "http2MaxRequests")
        if id(use.port) in told or limit is not None:
            continue
        told.add(id(use.port))
        client = use.target.workload
        yield about(
            RULE,
            use.object,
            (),
            f"proxyless clients such as {client.title} have at most 1024 concurrent calls to {use.object.title}",
            symptom="gRPC counts calls per cluster and process (gRFC A32), streams too, and its default is 1024. The "
            "next one "
            "fails at once: UNAVAILABLE: max requests 1024 exceeded. With fewer calls nothing happens.",
            evidence=(seen(client.object, use.target.path, f"{client.title} dials {use.target.written}"),),
            fixes=(_fix(cluster, use),),
            related=(client.object,),
        )


def _fix(cluster: Cluster, use: Use) -> Fix:
    summary = "Set http2MaxRequests to what a client may have open"
    rules = rules_of(cluster, use)
    blocks = policy_for(cluster, use).blocks
    held = blocks.get("connectionPool")
    if held is not None:
        return Edit(held.object).set((*held.path, "http", "http2MaxRequests"), _MANY).fix(summary)
    sibling = next(iter(blocks.values()), None)
    pool = ("connectionPool", "http", "http2MaxRequests")
    if sibling is not None:
        return Edit(sibling.object).set((*sibling.path[:-1], *pool), _MANY).fix(summary)
    if rules:
        return Edit(rules[0]).set(("spec", "trafficPolicy", *pool), _MANY).fix(summary)
    return create(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": use.object.name, "namespace": use.object.namespace},
            "spec": {"host": use.full, "trafficPolicy": {"connectionPool": {"http": {"http2MaxRequests": _MANY}}}},
        },
        summary,
    )
