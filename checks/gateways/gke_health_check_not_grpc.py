"""gke-health-check-not-grpc: GKE's load balancer asks a gRPC server for its health over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import first_of_each_port, service_hops
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import mappings_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import GKE
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import GKE_HEALTH_CHECK_POLICY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD618",
    name="gke-health-check-not-grpc",
    severity=Severity.WARNING,
    title="GKE's load balancer checks the health of a gRPC server over HTTP",
)
READS = (*ROUTE_KINDS, GKE_HEALTH_CHECK_POLICY)
_GOOD = ("GRPC", "TCP")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    hops = (
        (rule, backend, port)
        for rule, backend, port in service_hops(cluster)
        if rule.implementation == GKE and (rule.looks_like_grpc or intent_of(cluster, port).is_grpc)
        and not intent_of(cluster, port).is_http1
    )  # fmt: skip
    for port, found in first_of_each_port(hops):
        yield from _judge(cluster, port, found)


def _judge(cluster: Cluster, port: ServicePort, hops: list[tuple[RouteRule, Backend]]) -> Iterator[Conclusion]:
    service = port.service
    policy = cluster.once(_by_service).get((service.namespace, service.name))
    if policy is None and not cluster.has_all(GKE_HEALTH_CHECK_POLICY, service.namespace):
        what = f"the health check of {service.title} at GKE's load balancer"
        yield BlindSpot(what, "no HealthCheckPolicy for it was shown", blocks_verdict=False)
        return
    path = ("spec", "default", "config", "type")
    kind = text_at(policy.raw, *path) if policy is not None else ""
    if kind in _GOOD:
        return
    if policy is not None:
        fix = Edit(policy).set(("spec", "default", "config"), _CONFIG).fix("Check the health by gRPC")
    else:
        fix = create(_manifest(port), "Check the health by gRPC")
    says = f"{policy.title} says {kind or 'nothing'}" if policy is not None else "it has no HealthCheckPolicy"
    yield about(
        RULE,
        policy or service.object,
        path if policy is not None else port.path,
        f"GKE checks the health of {service.title} port {port.number}, a gRPC server, over HTTP: {says}",
        symptom="The check asks for a path over HTTP, which a gRPC server does not answer with 200. The load balancer "
        "takes the pods for unhealthy: clients get UNAVAILABLE (HTTP status 502 or 503).",
        evidence=tuple(seen(rule.object, backend.path) for rule, backend in hops[:1]),
        fixes=(fix,),
        related=(service.object, *(rule.object for rule, _ in hops)),
        confidence=0.8 if policy is not None else 0.7,
    )


_CONFIG = {"type": "GRPC", "grpcHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}


def _manifest(port: ServicePort) -> dict[str, object]:
    name, namespace = port.service.name, port.service.namespace
    return {
        "apiVersion": "networking.gke.io/v1",
        "kind": GKE_HEALTH_CHECK_POLICY.name,
        "metadata": {"name": f"{name}-health", "namespace": namespace},
        "spec": {"default": {"config": _CONFIG}, "targetRef": {"group": "", "kind": "Service", "name": name}},
    }


def _by_service(cluster: Cluster) -> dict[tuple[str, str], Object]:
    found: dict[tuple[str, str], Object] = {}
    for policy in cluster.all(GKE_HEALTH_CHECK_POLICY):
        targets = [raw for _, raw in mappings_at(policy.raw, "spec", "targetRefs")]
        single = policy.spec.get("targetRef")
        for raw in [*targets, *([single] if isinstance(single, dict) else [])]:
            if text_at(raw, "kind") == "Service":
                found.setdefault((policy.namespace, text_at(raw, "name")), policy)
    return found
