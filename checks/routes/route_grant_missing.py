"""route-grant-missing: a route sends to a Service in another namespace, which no ReferenceGrant allows."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks._gateway_api import gateway_parents, grpc_routes
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.grants import grant_manifest, is_granted
from grpcdoctor.cluster.kinds import REFERENCE_GRANT, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD666",
    name="route-grant-missing",
    severity=Severity.ERROR,
    title="a route for gRPC sends to another namespace without that namespace's permission",
)
READS = (*ROUTE_KINDS, REFERENCE_GRANT)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in grpc_routes(cluster):
        if gateway_parents(route):  # a route for a Service's clients in the mesh needs no grant
            done: set[tuple[str, str]] = set()
            for path, namespace, name in _foreign(route):
                granted = is_granted(cluster, route.kind, route.namespace, SERVICE, namespace, name)
                if not granted and (namespace, name) not in done:
                    done.add((namespace, name))
                    yield _judge(cluster, route, path, namespace, name)


def _foreign(route: Object) -> Iterator[tuple[FieldPath, str, str]]:
    for rule, raw in mappings_at(route.raw, "spec", "rules"):
        for index, ref in mappings_at(raw, "backendRefs"):
            namespace = text_at(ref, "namespace")
            is_service = text_at(ref, "group") in ("", "core") and text_at(ref, "kind") in ("", SERVICE.name)
            if namespace not in ("", route.namespace) and is_service:
                yield ("spec", "rules", rule, "backendRefs", index, "namespace"), namespace, text_at(ref, "name")


def _judge(cluster: Cluster, route: Object, path: FieldPath, namespace: str, name: str) -> Conclusion:
    grants = cluster.in_namespace(REFERENCE_GRANT, namespace)
    sure = cluster.has_all(REFERENCE_GRANT, namespace)
    if not sure and not grants:
        what = f"whether {route.title} may send to Service {namespace}/{name}"
        return BlindSpot(what, f"no ReferenceGrant of the namespace {namespace} was shown", blocks_verdict=False)
    service = cluster.get(SERVICE, namespace, name)
    manifest = grant_manifest(route.kind, route.namespace, SERVICE, namespace, name)
    return about(
        RULE,
        route,
        path,
        f"{route.title} sends to Service {namespace}/{name}, and no ReferenceGrant in {namespace} allows it",
        symptom="The route gets ResolvedRefs=False with reason RefNotPermitted, and the backend is left out. Clients "
        "get UNAVAILABLE, or UNKNOWN with HTTP status 500.",
        fixes=(create(manifest, f"Allow it with a ReferenceGrant in {namespace}"),),
        related=tuple(item for item in (service, *grants[:3]) if item is not None),
        confidence=1.0 if sure else 0.7,
    )
