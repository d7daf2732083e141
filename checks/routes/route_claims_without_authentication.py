"""route-claims-without-authentication: a route matches claims of a token that nothing validates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at
from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of, selector_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.virtual_services import VirtualService, virtual_services
from grpcdoctor.cluster.kinds import REQUEST_AUTHENTICATION
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD654",
    name="route-claims-without-authentication",
    severity=Severity.ERROR,
    title="a route matches token claims, and nothing validates the token",
)
READS = (*ROUTE_KINDS, REQUEST_AUTHENTICATION)
_CLAIMS: Final = "@request.auth.claims"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        place = _claims_in(virtual)
        if place is not None:
            for gateway in virtual.gateways(cluster):
                if not _validated(cluster, gateway):
                    yield from _judge(cluster, virtual, place, gateway)
                    break


def _claims_in(virtual: VirtualService) -> FieldPath | None:
    for route in virtual.http:
        for index, match in route.matches:
            for name in mapping_at(match, "headers"):
                if isinstance(name, str) and name.startswith(_CLAIMS):
                    return (*route.path, "match", index, "headers", name)
    return None


def _validated(cluster: Cluster, gateway: Object) -> bool:
    """A RequestAuthentication with rules is in force on the gateway's pods."""
    places = (*namespaces_of(cluster, gateway), mesh_config(cluster).root_namespace)
    pods = pods_of(cluster, gateway)
    labels = pods[0].labels if pods else selector_of(gateway)
    return any(
        items_at(item.raw, "spec", "jwtRules") and _applies(item, labels)
        for place in dict.fromkeys(places)
        for item in cluster.in_namespace(REQUEST_AUTHENTICATION, place)
    )


def _applies(item: Object, labels: dict[str, str]) -> bool:
    selector = mapping_at(item.raw, "spec", "selector")
    return not selector or match_labels_selects(selector, labels) or bool(mapping_at(item.raw, "spec", "targetRefs"))


def _judge(cluster: Cluster, virtual: VirtualService, place: FieldPath, gateway: Object) -> Iterator[Conclusion]:
    namespace = namespaces_of(cluster, gateway)[0]
    others = [item for item in cluster.all(REQUEST_AUTHENTICATION) if items_at(item.raw, "spec", "jwtRules")]
    if not others and not cluster.has_all(REQUEST_AUTHENTICATION, namespace):
        yield BlindSpot(
            f"RequestAuthentication for {gateway.title}",
            f"{virtual.object.title} matches token claims, and none was shown",
            blocks_verdict=False,
        )
        return
    yield about(
        RULE,
        virtual.object,
        place,
        f"{virtual.object.title} matches token claims, and no RequestAuthentication holds at {gateway.title}",
        symptom="Without a RequestAuthentication on the gateway's own pods no token is read, and no claim matches. "
        f"{NO_ROUTE}",
        evidence=(seen(gateway, ("spec", "selector")), *(seen(item, ("metadata", "namespace")) for item in others[:1])),
        fixes=tuple(_fixes(gateway, namespace, others)),
        related=(gateway, *others[:1]),
        confidence=1.0 if cluster.has_all(REQUEST_AUTHENTICATION, namespace) else 0.7,
    )


def _fixes(gateway: Object, namespace: str, others: list[Object]) -> Iterator[Fix]:
    if others:
        model = others[0]
        manifest = {
            "apiVersion": "security.istio.io/v1",
            "kind": "RequestAuthentication",
            "metadata": {"name": f"{gateway.name}-tokens", "namespace": namespace},
            "spec": {
                "selector": {"matchLabels": selector_of(gateway)},
                "jwtRules": items_at(model.raw, "spec", "jwtRules"),
            },
        }
        yield create(manifest, f"Validate the token at the gateway, by the rules of {model.title}")
        return
    yield Fix(
        f"Create a RequestAuthentication in {namespace} that selects the gateway's pods, with your issuer and jwksUri",
        command=f"kubectl -n {namespace} get requestauthentications",
    )
