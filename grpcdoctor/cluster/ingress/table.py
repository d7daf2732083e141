"""Which controller serves an object. A new controller is one file, and one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, flag_at, items_at, text_at
from grpcdoctor.cluster.ingress.aws import ALB
from grpcdoctor.cluster.ingress.azure import AGIC
from grpcdoctor.cluster.ingress.contour import CONTOUR
from grpcdoctor.cluster.ingress.controller import ANNOTATIONS, Controller
from grpcdoctor.cluster.ingress.emissary import EMISSARY
from grpcdoctor.cluster.ingress.f5_nginx import F5_NGINX
from grpcdoctor.cluster.ingress.gce import GCE
from grpcdoctor.cluster.ingress.haproxy import HAPROXY_INGRESS, HAPROXY_VENDOR
from grpcdoctor.cluster.ingress.kong import KONG
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.ingress.others import CILIUM, ISTIO_INGRESS, UNKNOWN
from grpcdoctor.cluster.ingress.traefik import TRAEFIK
from grpcdoctor.cluster.kinds import INGRESS_CLASS, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

CONTROLLERS: Final[tuple[Controller, ...]] = (
    F5_NGINX,  # before ingress-nginx: both call their class "nginx", and its own annotations tell
    NGINX,
    TRAEFIK,
    CONTOUR,
    HAPROXY_INGRESS,
    HAPROXY_VENDOR,
    KONG,
    EMISSARY,
    ALB,
    GCE,
    AGIC,
    ISTIO_INGRESS,
    CILIUM,
)
BY_PLATFORM: Final = {controller.platform: controller for controller in (*CONTROLLERS, UNKNOWN)}

_SHARED: Final = {"nginx": F5_NGINX, "haproxy": HAPROXY_INGRESS}
"""Class names that two controllers use, and the one of them that its own annotations must give away."""
_OLD_CLASS: Final = "kubernetes.io/ingress.class"
_CONTOUR_CLASS: Final = "projectcontour.io/ingress.class"
_IS_DEFAULT: Final = "ingressclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class ClassOf:
    """The class that an Ingress asks for, and the field that says so."""

    name: str
    path: FieldPath
    object: Object | None
    """The IngressClass; None where it is not shown."""


def class_of(cluster: Cluster, item: Object) -> ClassOf:
    """The old annotation counts before spec.ingressClassName; without both, the cluster's default class."""
    for annotation in (_CONTOUR_CLASS, _OLD_CLASS):
        name = item.annotations.get(annotation, "")
        if name:
            return ClassOf(name, (*ANNOTATIONS, annotation), cluster.get(INGRESS_CLASS, "", name))
    name = text_at(item.spec, "ingressClassName")
    path: FieldPath = ("spec", "ingressClassName")
    if name:
        return ClassOf(name, path, cluster.get(INGRESS_CLASS, "", name))
    default = cluster.once(_default_class)
    return ClassOf(default.name if default is not None else "", path, default)


def controller_of(cluster: Cluster, item: Object) -> Controller:
    """By the IngressClass's controller; where that is not shown by the class's name, else by annotations of its own."""
    found = class_of(cluster, item)
    if found.object is not None:
        word = text_at(found.object.spec, "controller")
        return next((c for c in CONTROLLERS if c.controller.search(word)), UNKNOWN)
    written = tuple(item.annotations)
    own = next((c for c in CONTROLLERS if any(name.startswith(c.prefixes) for name in written)), None)
    named = next((c for c in CONTROLLERS if found.name in c.classes), None)
    if own is None and found.name in _SHARED:
        own = _told_by_services(cluster, item)
    if own is not None and own is _SHARED.get(found.name):
        return own
    return named or own or UNKNOWN


def _told_by_services(cluster: Cluster, item: Object) -> Controller | None:
    """The controller whose annotations stand on a Service that the Ingress leads to."""
    for rule in items_at(item.spec, "rules"):
        for path in items_at(rule, "http", "paths"):
            service = cluster.get(SERVICE, item.namespace, text_at(path, "backend", "service", "name"))
            written = tuple(service.annotations) if service is not None else ()
            for controller in CONTROLLERS:
                if any(name.startswith(controller.prefixes) for name in written if controller.prefixes):
                    return controller
    return None


def _default_class(cluster: Cluster) -> Object | None:
    defaults = [
        item for item in cluster.all(INGRESS_CLASS) if flag_at(item.annotations, _IS_DEFAULT) is True
    ]
    return defaults[0] if len(defaults) == 1 else None
