"""Which implementation serves a Gateway: by its GatewayClass's controller, or by the class's usual name."""

from __future__ import annotations

from typing import Final

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.gateway_api.listeners import class_name_of, class_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

ISTIO: Final = "istio"
CONTOUR: Final = "contour"
TRAEFIK: Final = "traefik"
ENVOY_GATEWAY: Final = "envoy-gateway"
CILIUM: Final = "cilium"
NGINX_GATEWAY: Final = "nginx-gateway-fabric"
KONG: Final = "kong"
ALB: Final = "aws-load-balancer-controller"
GKE: Final = "gke"
OTHER: Final = "gateway-api"
"""An implementation that we do not know."""

TITLES: Final = {
    ISTIO: "Istio", CONTOUR: "Contour", TRAEFIK: "Traefik", ENVOY_GATEWAY: "Envoy Gateway", CILIUM: "Cilium",
    NGINX_GATEWAY: "NGINX Gateway Fabric", KONG: "Kong", ALB: "AWS Load Balancer Controller", GKE: "GKE",
    OTHER: "the Gateway's implementation",
}  # fmt: skip

# GatewayClass.spec.controllerName; the longest beginning that fits.
_CONTROLLERS: Final = {
    "istio.io/": ISTIO,
    "projectcontour.io/": CONTOUR,
    "traefik.io/gateway-controller": TRAEFIK,
    "gateway.envoyproxy.io/gatewayclass-controller": ENVOY_GATEWAY,
    "io.cilium/gateway-controller": CILIUM,
    "gateway.nginx.org/": NGINX_GATEWAY,
    "konghq.com/": KONG,
    "gateway.k8s.aws/alb": ALB,
    "networking.gke.io/gateway": GKE,
}
# The names that the installations give their classes, for where the GatewayClass itself is not shown.
_CLASSES: Final = {
    "istio": ISTIO, "istio-remote": ISTIO, "istio-waypoint": ISTIO, "istio-east-west": ISTIO, "contour": CONTOUR,
    "traefik": TRAEFIK, "eg": ENVOY_GATEWAY, "envoy-gateway": ENVOY_GATEWAY, "cilium": CILIUM, "nginx": NGINX_GATEWAY,
    "kong": KONG, "aws-alb-gateway-class": ALB,
}  # fmt: skip
_GKE_CLASSES: Final = "gke-l7-"


def implementation_of(cluster: Cluster, gateway: Object | None) -> str:
    """By the GatewayClass's controller; by the class's usual name where it is not shown."""
    if gateway is None:
        return OTHER
    shown = class_of(cluster, gateway)
    controller = text_at(shown.raw, "spec", "controllerName") if shown is not None else ""
    if controller:
        fitting = [start for start in _CONTROLLERS if controller.startswith(start)]
        return _CONTROLLERS[max(fitting, key=len)] if fitting else OTHER
    name = class_name_of(gateway)
    return GKE if name.startswith(_GKE_CLASSES) else _CLASSES.get(name, OTHER)
