"""ingress-class-unserved: an Ingress for gRPC asks for a class that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import by_object, evidence_of, services_in
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.ingress.table import class_of
from grpcdoctor.cluster.kinds import INGRESS, INGRESS_CLASS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD695",
    name="ingress-class-unserved",
    severity=Severity.ERROR,
    title="an Ingress asks for an IngressClass that does not exist",
)
READS = ROUTE_KINDS

# These compare the name alone, and want no IngressClass object.
_BY_NAME: Final = ("contour", "kong", "cilium")
_NGINX: Final = "k8s.io/ingress-nginx"
_CONTROLLERS: Final = {
    "ingress-nginx": _NGINX,
    "nginx-ingress": "nginx.org/ingress-controller",
    "traefik": "traefik.io/ingress-controller",
    "haproxy-ingress": "haproxy-ingress.github.io/controller",
    "haproxy": "haproxy.org/ingress-controller/haproxy",
    "emissary": "getambassador.io/ingress-controller",
    "alb": "ingress.k8s.aws/alb",
    "agic": "azure/application-gateway",
    "istio-ingress": "istio.io/ingress-controller",
}
"""platform -> what its IngressClass says in spec.controller."""
_MOST_FIXES: Final = 3


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.has_all(INGRESS_CLASS):
        return
    for item, group in by_object(cluster):
        found = class_of(cluster, item)
        if item.kind is not INGRESS or found.object is not None or found.path != ("spec", "ingressClassName"):
            continue
        if not found.name or group[0].rule.platform in _BY_NAME:
            continue
        classes = cluster.all(INGRESS_CLASS)
        names = ", ".join(c.name for c in classes[:5])
        there_are = f"there is: {names}" if names else "there is no IngressClass at all"
        yield about(
            RULE,
            item,
            found.path,
            f'{item.title} asks for the IngressClass "{found.name}", which does not exist ({there_are})',
            symptom="No controller takes the Ingress up, and its host is not routed. Clients get UNIMPLEMENTED (404 "
            "of the default backend), or UNAVAILABLE where nothing answers.",
            evidence=(*(seen(c, ("spec", "controller")) for c in classes[:2]), *evidence_of(group, 1)),
            fixes=tuple(_fixes(item, found.name, classes, group[0].rule.platform)),
            related=services_in(group),
        )  # fmt: skip


def _fixes(item: Object, name: str, classes: tuple[Object, ...], platform: str) -> Iterator[Fix]:
    if not classes:
        controller = _CONTROLLERS.get(platform, _NGINX)
        manifest = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {"controller": controller},
        }
        yield create(manifest, f"Make the class, with the controller that runs (here it is {controller})")
        return
    near = get_close_matches(name, [c.name for c in classes], n=1, cutoff=0.6)
    for each in sorted(classes, key=lambda c: c.name not in near)[:_MOST_FIXES]:
        controller = text_at(each.spec, "controller")
        summary = f"Ask for the class {each.name} ({controller})"
        yield Edit(item).set(("spec", "ingressClassName"), each.name).fix(summary)
