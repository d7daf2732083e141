"""The two HAProxy controllers: the Service's annotation before the Ingress's, and that before the ConfigMap."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from tests.cluster.ingress.samples import config_map, ingress, rule, service, spoken

COMMUNITY = "haproxy-ingress.github.io/backend-protocol"
PROTO, SSL = "haproxy.org/server-proto", "haproxy.org/server-ssl"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("grpc", (Spoken.H2, Tls.NONE)),
        ("H2", (Spoken.H2, Tls.NONE)),
        ("grpcs", (Spoken.H2, Tls.SIMPLE)),
        ("h1-ssl", (Spoken.HTTP1, Tls.SIMPLE)),
        ("h2c", (Spoken.HTTP1, Tls.NONE)),
    ],
)
def test_the_community_controllers_protocol(value: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("edge", **{COMMUNITY: value})) == expected


def test_the_service_counts_before_the_ingress() -> None:
    assert spoken(ingress("edge", **{COMMUNITY: "h1"}), service({COMMUNITY: "grpc"}))[0] is Spoken.H2


def test_the_vendors_protocol() -> None:
    assert spoken(ingress("haproxy"))[0] is Spoken.HTTP1
    assert spoken(ingress("haproxy", **{PROTO: "h2"})) == (Spoken.H2, Tls.NONE)
    assert spoken(ingress("haproxy", **{SSL: "true"})) == (Spoken.H2, Tls.SIMPLE)
    assert spoken(ingress("haproxy", **{SSL: "true", PROTO: "h1"})) == (Spoken.HTTP1, Tls.SIMPLE)
    shared = config_map("haproxy", "haproxy-kubernetes-ingress", **{"server-proto": "h2"})
    assert spoken(ingress("haproxy"), shared)[0] is Spoken.H2


def test_an_alpn_list_without_h2_is_http1_for_clients() -> None:
    listed = {"haproxy-ingress.github.io/tls-alpn": "http/1.1"}
    assert rule(ingress("edge", **listed)).entrances[0].downstream is Spoken.HTTP1
    both = {"haproxy-ingress.github.io/tls-alpn": "http/1.1,h2"}
    assert rule(ingress("edge", **both)).entrances[0].downstream is Spoken.H2
    shared = config_map("haproxy", "haproxy-kubernetes-ingress", **{"tls-alpn": "http/1.1"})
    assert rule(ingress("haproxy"), shared).entrances[0].downstream is Spoken.HTTP1
