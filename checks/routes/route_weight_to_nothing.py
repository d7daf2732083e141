"""route-weight-to-nothing: a weighted share of the calls goes to a backend that has nobody ready to answer."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import GATEWAY_API, ISTIO, full_name, grpc_proof, rules_once
from grpcdoctor.checks.routes._virtual_services import clients_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at
from grpcdoctor.cluster.istio.destination_rules import find_subset, rules_for
from grpcdoctor.cluster.istio.virtual_services import VirtualService
from grpcdoctor.cluster.kinds import POD
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD650",
    name="route-weight-to-nothing",
    severity=Severity.ERROR,
    title="a share of the calls goes to a backend without a ready pod",
)
READS = PATH_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        if len(rule.backends) < 2 or not rule.is_http:
            continue
        proof = grpc_proof(cluster, rule)
        if proof:
            yield from _judge(cluster, rule, proof)


def _judge(cluster: Cluster, rule: RouteRule, proof: tuple[Evidence, ...]) -> Iterator[Conclusion]:
    shares = [_weight(rule, backend) for backend in rule.backends]
    total = sum(shares)
    if total == 0 and rule.platform == GATEWAY_API:
        return  # grpc-route-weights-zero
    if total == 0:
        yield from _all_zero(rule, proof)
        return
    reasons = [_nobody(cluster, rule, b) if share else None for b, share in zip(rule.backends, shares, strict=True)]
    healthy = [b for b, share, reason in zip(rule.backends, shares, reasons, strict=True) if share and reason is None]
    for backend, share, reason in zip(rule.backends, shares, reasons, strict=True):
        if reason is not None and backend.service is not None:
            percent = max(1, round(100 * share / total))
            what = f"{backend.title} subset {backend.subset}" if backend.subset else backend.title
            yield about(
                RULE,
                rule.object,
                _weight_path(rule, backend) or backend.path,
                f"{rule.object.title} sends {percent} % of the calls to {what}, which has no ready pod",
                symptom="That share of the calls gets UNAVAILABLE (14): no healthy upstream. The rest work, so it "
                "looks like chance.",
                evidence=(seen(backend.service.object, ("spec", "selector"), reason), *proof),
                fixes=tuple(_fixes(rule, backend, share, healthy)),
                related=(backend.service.object,),
                severity=Severity.WARNING if healthy else Severity.ERROR,
            )


def _all_zero(rule: RouteRule, proof: tuple[Evidence, ...]) -> Iterator[Conclusion]:
    path = _weight_path(rule, rule.backends[0])
    if path is None:
        return
    seen_by_client = "UNKNOWN (2) with an empty message: the gateway answers 500"
    yield about(
        RULE,
        rule.object,
        path,
        f"{rule.object.title} gives every backend of a route the weight 0",
        symptom=f"No backend is left for this route. Clients get {seen_by_client}. Istio refuses such weights.",
        evidence=proof,
        fixes=(Edit(rule.object).set(path, 100).fix(f"Send all calls to {rule.backends[0].title}"),),
    )


def _weight(rule: RouteRule, backend: Backend) -> int:
    """Without a weight: none of it with Istio, one part with the Gateway API."""
    if backend.weight is not None:
        return max(0, backend.weight)
    return 0 if rule.platform == ISTIO else 1


def _weight_path(rule: RouteRule, backend: Backend) -> FieldPath | None:
    base = backend.path
    for place in (base, base[:-1]):
        raw = at(rule.object.raw, *place)
        if isinstance(raw, dict) and ("weight" in raw or (rule.platform == GATEWAY_API and "name" in raw)):
            return (*place, "weight")
    return None


def _nobody(cluster: Cluster, rule: RouteRule, backend: Backend) -> str | None:
    """Why nobody answers there; None where somebody does or it is not known."""
    service = backend.service
    if service is None:
        return None
    unready = all(workload.is_ready is False for workload in service.workloads)
    if service.has_ready_endpoint is False and (service.endpoints or unready):
        return f"{service.title} has no ready endpoint"
    if not backend.subset or rule.platform != ISTIO or not cluster.has_all(POD, service.namespace):
        return None
    full = full_name(rule, backend)
    for client in clients_of(cluster, VirtualService(rule.object)):
        rules = rules_for(cluster, full, service.namespace, client.namespace, dict(client.labels))
        subset = find_subset(rules, backend.subset)
        if subset is None or not subset.labels:
            return None
        pods = [workload for workload in service.workloads if selects(subset.labels, workload.labels)]
        pairs = ", ".join(f"{key}={value}" for key, value in subset.labels.items())
        if pods and all(pod.is_ready is False for pod in pods):
            return f"no pod of {service.title} with the labels {pairs} is ready"
        return None
    return None


def _fixes(rule: RouteRule, backend: Backend, share: int, healthy: list[Backend]) -> Iterator[Fix]:
    path = _weight_path(rule, backend)
    other = _weight_path(rule, healthy[0]) if healthy else None
    if path is not None and other is not None:
        edit = Edit(rule.object).set(path, 0).set(other, _weight(rule, healthy[0]) + share)
        yield edit.fix(f"Give its share to {healthy[0].title}{_subset(healthy[0])} until pods of it are ready")
    if backend.service is not None:
        name, namespace = backend.service.name, backend.service.namespace
        yield Fix("Bring its pods up", command=f"kubectl -n {namespace} get pods,endpointslices | grep {name}")


def _subset(backend: Backend) -> str:
    return f" subset {backend.subset}" if backend.subset else ""
