"""linkerd-profile-overrides-route: a ServiceProfile and a route for one Service, of which only the first counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import delete
from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import GRPC_ROUTE, HTTP_ROUTE, LINKERD_SERVICE_PROFILE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import find_service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD780",
    name="linkerd-profile-overrides-route",
    severity=Severity.WARNING,
    title="a ServiceProfile of Linkerd overrides the routes of the same Service",
)
READS = (*ROUTE_KINDS, GRPC_ROUTE, HTTP_ROUTE, LINKERD_SERVICE_PROFILE)

_GROUPS: Final = ("", "core")
_Route = tuple[Object, FieldPath]


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for profile in cluster.all(LINKERD_SERVICE_PROFILE):
        name, _, rest = profile.name.partition(".")
        namespace = rest.partition(".")[0]
        for item, path in cluster.once(_routes).get((namespace, name), ())[:1]:
            if item.kind is GRPC_ROUTE or _is_grpc(cluster, namespace, name):
                yield about(
                    RULE,
                    profile,
                    ("metadata", "name"),
                    f"{profile.title} overrides {item.title}",
                    symptom="The route's timeouts, retries, filters and splits have no effect. Calls go through "
                    "without them, as the ServiceProfile says: no retries, or another deadline (DEADLINE_EXCEEDED).",
                    evidence=(seen(item, path),),
                    fixes=(delete(profile, "Delete the ServiceProfile, after taking its retries over into the route"),),
                    related=(item,),
                    confidence=0.9,
                )


def _routes(cluster: Cluster) -> dict[tuple[str, str], list[_Route]]:
    """(namespace, Service) -> the routes that have it as their parent."""
    found: dict[tuple[str, str], list[_Route]] = {}
    for kind in (GRPC_ROUTE, HTTP_ROUTE):
        for item in cluster.all(kind):
            for index, parent in mappings_at(item.spec, "parentRefs"):
                if text_at(parent, "kind") == "Service" and text_at(parent, "group") in _GROUPS:
                    key = (text_at(parent, "namespace") or item.namespace, text_at(parent, "name"))
                    found.setdefault(key, []).append((item, ("spec", "parentRefs", index)))
    return found


def _is_grpc(cluster: Cluster, namespace: str, name: str) -> bool:
    service = find_service(cluster, namespace, name)
    return service is not None and any(intent_of(cluster, port).is_grpc for port in service.ports)
