"""proxyless-template-simple: the template grpc-simple speaks to istiod in plaintext and gives no certificates."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.proxyless._agent import annotation, with_agent
from grpcdoctor.checks.proxyless._clients import SIMPLE, TEMPLATES, proxyless, template_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD813",
    name="proxyless-template-simple",
    severity=Severity.WARNING,
    title="the template grpc-simple speaks to istiod in plaintext and gives no certificates",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for workload in proxyless(cluster):
        if template_of(workload) != SIMPLE:
            continue
        where, path = annotation(cluster, workload, TEMPLATES)
        yield about(
            RULE,
            where,
            path,
            f"{workload.title} uses the template grpc-simple, which is made for trying things out",
            symptom="It dials istiod on port 15010 in plaintext and without an identity, has no certificates for "
            "mTLS, and "
            "completes no short names. Where 15010 is closed: UNAVAILABLE: xDS channel for server istiod in "
            "TRANSIENT_FAILURE.",
            fixes=(with_agent(cluster, workload).fix("Use grpc-agent: mTLS to istiod, and certificates"),),
        )
