"""Traefik: the scheme, of the Service's annotation or of the IngressRoute; the port where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.ingress.ingress_routes import parse_match
from tests.cluster.ingress.samples import ingress, rule, service, spoken

SCHEME = "traefik.ingress.kubernetes.io/service.serversscheme"


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("h2c", (Spoken.H2, Tls.NONE)),
        ("https", (Spoken.H2, Tls.SIMPLE)),
        ("http", (Spoken.HTTP1, Tls.NONE)),
        ("grpc", (Spoken.UNKNOWN, Tls.UNKNOWN)),
    ],
)
def test_the_services_annotation_decides_for_an_ingress(scheme: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("traefik"), service({SCHEME: scheme})) == expected


def test_without_a_scheme_the_ports_name_and_number_decide() -> None:
    assert spoken(ingress("traefik"), service())[0] is Spoken.HTTP1
    assert spoken(ingress("traefik"), service(name="https-api")) == (Spoken.H2, Tls.SIMPLE)
    assert spoken(ingress("traefik"), service(appProtocol="kubernetes.io/h2c"))[0] is Spoken.HTTP1


def test_a_service_that_is_not_shown_tells_nothing() -> None:
    assert spoken(ingress("traefik"))[0] is Spoken.UNKNOWN


def test_an_ingress_route_has_its_own_scheme() -> None:
    assert spoken(route(scheme="h2c")) == (Spoken.H2, Tls.NONE)
    assert spoken(route(), service())[0] is Spoken.HTTP1
    assert spoken(route(), service({SCHEME: "h2c"}))[0] is Spoken.HTTP1, "the annotation is for Ingresses"
    assert spoken(route(kind="TraefikService"))[0] is Spoken.UNKNOWN


def test_a_servers_transport_may_take_http2_away() -> None:
    transport = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "ServersTransport",
        "metadata": {"name": "plain", "namespace": "prod"},
        "spec": {"disableHTTP2": True},
    }
    assert spoken(route(scheme="https", serversTransport="plain"), transport) == (Spoken.HTTP1, Tls.SIMPLE)


def test_the_match_is_taken_apart() -> None:
    text = "Host(`A.example.com`, `b.example.com`) && (PathPrefix(`/shop.Greeter`) || Path(`/x`))"
    hosts, matches = parse_match(text, ())
    assert hosts == ("a.example.com", "b.example.com")
    seen = [(m.kind, m.value, m.others) for m in matches]
    assert seen == [("prefix", "/shop.Greeter", False), ("exact", "/x", False)]
    _, matches = parse_match("Host(`a`) && Header(`content-type`, `application/grpc`)", ())
    assert [m.others for m in matches] == [True]
    assert parse_match("Host(`a`)", ()) == (("a",), ())


def test_tls_of_an_ingress_route_is_the_entrances() -> None:
    assert [e.terminates_tls for e in rule(route()).entrances] == [True]


def route(**service_fields: Any) -> dict[str, Any]:
    entry = {"match": "Host(`a.example.com`)", "services": [{"name": "greeter", "port": 50051, **service_fields}]}
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "greeter", "namespace": "prod"},
        "spec": {"entryPoints": ["websecure"], "tls": {}, "routes": [entry]},
    }
