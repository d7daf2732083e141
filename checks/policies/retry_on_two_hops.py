"""retry-on-two-hops: two proxies on one path both retry, so the tries multiply."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import GrpcRoute, proof_of, retries_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import dotted, mapping_at, mappings_at, texts_at
from grpcdoctor.cluster.istio.virtual_services import MESH
from grpcdoctor.cluster.kinds import VIRTUAL_SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule, routes
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Evidence
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD712",
    name="retry-on-two-hops",
    severity=Severity.WARNING,
    title="two proxies on one path both retry",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    by_host: dict[str, list[RouteRule]] = {}
    for rule in routes(cluster):
        if rule.object.kind is VIRTUAL_SERVICE and rule.is_http:
            for host in rule.hosts:
                by_host.setdefault(host, []).append(rule)
    done: set[int] = set()
    for found in by_host.values():
        inner = next((rule for rule in found if _is_at_gateway(rule) and not _gateway_service(rule)), None)
        for outer in found if inner is not None else ():
            if id(outer) not in done and _is_in_mesh(outer) and _gateway_service(outer):
                done.add(id(outer))
                assert inner is not None
                yield from _judge(cluster, outer, inner)


def _judge(cluster: Cluster, outer: RouteRule, inner: RouteRule) -> Iterator[Conclusion]:
    proof = proof_of(cluster, outer) or proof_of(cluster, inner)
    first, second = _route(outer, proof), _route(inner, proof)
    one, other = retries_of(cluster, first), retries_of(cluster, second)
    if not proof or one is None or other is None:
        return
    tries = (1 + one.attempts) * (1 + other.attempts)
    gateway = _gateway_service(outer)
    path = (*outer.path, "retries")
    yield about(
        RULE,
        outer.object,
        path,
        f"{first.title} and {_other(first, second)} both retry: one call may be {tries} at the server",
        symptom="The client's sidecar and the gateway each try again, and the tries multiply. A server that answers "
        f"UNAVAILABLE because it is overloaded gets {tries} calls for one.",
        evidence=(seen(inner.object, (*inner.path, "retries")), *proof),
        fixes=(
            Edit(outer.object)
            .set(path, {"attempts": 0})
            .fix("Retry at the gateway only, which is nearer to the server"),
        ),
        related=(inner.object, *((gateway.object,) if gateway is not None else ())),
    )


def _other(first: GrpcRoute, second: GrpcRoute) -> str:
    return dotted(second.path[1:]) if first.object is second.object else second.title


def _route(rule: RouteRule, proof: tuple[Evidence, ...]) -> GrpcRoute:
    return GrpcRoute(rule, mapping_at(rule.object.raw, *rule.path), proof)


def _is_in_mesh(rule: RouteRule) -> bool:
    return rule.in_mesh and _takes(rule, MESH)


def _is_at_gateway(rule: RouteRule) -> bool:
    """Some gateway uses this route: the object names one, and the route's matches do not leave it out."""
    named = [name for name in texts_at(rule.object.raw, "spec", "gateways") if name != MESH]
    return any(_takes(rule, name) for name in named)


def _takes(rule: RouteRule, gateway: str) -> bool:
    matches = [texts_at(raw, "gateways") for _, raw in mappings_at(rule.object.raw, *rule.path, "match")]
    return not matches or any(not names or gateway in names for names in matches)


def _gateway_service(rule: RouteRule) -> Service | None:
    """The Service of a gateway's pods, where the route leads to one."""
    for backend in rule.backends:
        service = backend.service
        if service is None:
            continue
        if any(workload.mesh is Mesh.GATEWAY for workload in service.workloads):
            return service
        if service.selector.get("istio", "").endswith("gateway"):
            return service
    return None
