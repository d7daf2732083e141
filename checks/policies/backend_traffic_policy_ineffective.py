"""backend-traffic-policy-ineffective: `http2: {}` of Envoy Gateway's policy tunes HTTP/2, and does not turn it on."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import declare_h2c, service_hops
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.controllers import ENVOY_GATEWAY
from grpcdoctor.cluster.gateway_api.traffic_policies import traffic_policies_for
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD778",
    name="backend-traffic-policy-ineffective",
    severity=Severity.WARNING,
    title="a BackendTrafficPolicy with http2 does not make Envoy Gateway speak HTTP/2",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, int]] = set()
    for rule, backend, port in service_hops(cluster):
        wrong = rule.implementation == ENVOY_GATEWAY and backend.upstream.spoken is Spoken.HTTP1
        if not wrong or not intent_of(cluster, port).is_grpc:
            continue
        gateway = rule.entrances[0].object if rule.entrances else None
        for policy in traffic_policies_for(cluster, rule.object, gateway):
            if isinstance(policy.spec.get("http2"), dict) and (id(policy), id(port)) not in done:
                done.add((id(policy), id(port)))
                yield _finding(policy, rule, port)


def _finding(policy: Object, rule: RouteRule, port: ServicePort) -> Conclusion:
    follow = Edit(policy).set(("spec", "useClientProtocol"), True)
    return about(
        RULE,
        policy,
        ("spec", "http2"),
        f"{policy.title} sets http2; Envoy Gateway still speaks HTTP/1.1 to {port.service.title} port {port.number}",
        symptom="The policy is accepted, and http2 holds only settings for connections that are HTTP/2 already. "
        "Clients get UNAVAILABLE: upstream connect error … reset reason: protocol error.",
        evidence=(seen(port.service.object, (*port.path, "appProtocol")),),
        fixes=(declare_h2c(port), follow.fix("Have Envoy Gateway speak to the backend what the client speaks")),
        related=(port.service.object, rule.object),
    )
