"""Which controller serves an Ingress."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.hops import Spoken
from tests.cluster.ingress.samples import ingress, ingress_class, rule, spoken


@pytest.mark.parametrize(
    ("controller", "platform"),
    [
        ("k8s.io/ingress-nginx", "ingress-nginx"),
        ("nginx.org/ingress-controller", "nginx-ingress"),
        ("traefik.io/ingress-controller", "traefik"),
        ("projectcontour.io/contour/contour", "contour"),
        ("haproxy-ingress.github.io/controller", "haproxy-ingress"),
        ("haproxy.org/ingress-controller/haproxy", "haproxy"),
        ("ingress-controllers.konghq.com/kong", "kong"),
        ("getambassador.io/ingress-controller", "emissary"),
        ("ingress.k8s.aws/alb", "alb"),
        ("k8s.io/ingress-gce", "gce"),
        ("azure/application-gateway", "agic"),
        ("istio.io/ingress-controller", "istio-ingress"),
        ("cilium.io/ingress-controller", "cilium"),
        ("example.com/homegrown", "ingress"),
    ],
)
def test_the_class_names_the_controller(controller: str, platform: str) -> None:
    assert rule(ingress("edge"), ingress_class("edge", controller)).platform == platform


def test_the_old_annotation_counts_before_the_field() -> None:
    item = ingress("nginx", **{"kubernetes.io/ingress.class": "traefik"})
    assert rule(item).platform == "traefik"


def test_without_a_class_the_default_one_counts() -> None:
    marked = {"ingressclass.kubernetes.io/is-default-class": "true"}
    default = ingress_class("edge", "traefik.io/ingress-controller", **marked)
    assert rule(ingress(), default).platform == "traefik"


def test_without_any_class_its_annotations_tell() -> None:
    assert rule(ingress("", **{"haproxy-ingress.github.io/backend-protocol": "h1"})).platform == "haproxy-ingress"
    assert rule(ingress("nginx", **{"nginx.org/grpc-services": "greeter"})).platform == "nginx-ingress"


def test_of_an_unknown_controller_nothing_is_said() -> None:
    assert rule(ingress("homegrown")).platform == "ingress"
    assert spoken(ingress("homegrown"))[0] is Spoken.UNKNOWN
