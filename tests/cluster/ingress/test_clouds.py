"""The clouds' load balancers: AWS, Google, Azure."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.ingress.aws import LISTEN_PORTS, VERSION, listeners
from grpcdoctor.cluster.kinds import INGRESS
from tests.cluster.ingress.samples import ingress, service, spoken

APP_PROTOCOLS = "cloud.google.com/app-protocols"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("GRPC", Spoken.H2), ("HTTP2", Spoken.H2), ("HTTP1", Spoken.HTTP1), ("grpc", Spoken.UNKNOWN)],
)
def test_an_albs_protocol_version_in_capitals(value: str, expected: Spoken) -> None:
    assert spoken(ingress("alb", **{VERSION: value}))[0] is expected


def test_an_alb_prefers_what_the_service_says() -> None:
    assert spoken(ingress("alb", **{VERSION: "HTTP1"}), service({VERSION: "GRPC"}))[0] is Spoken.H2
    assert spoken(ingress("alb"))[0] is Spoken.HTTP1
    tls = {VERSION: "GRPC", "alb.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    assert spoken(ingress("alb", **tls)) == (Spoken.H2, Tls.SIMPLE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"HTTP": 80}, {"HTTPS": 443}]', (("HTTP", 80), ("HTTPS", 443))),
        ("[]", ()),
        ("{", None),
        ("", None),
        ('{"HTTPS": 443}', None),
        ('[7, {"HTTPS": "443"}]', ()),
    ],
)
def test_listen_ports(text: str, expected: object) -> None:
    (item,) = cluster_of([ingress("alb", **{LISTEN_PORTS: text})]).all(INGRESS)
    assert listeners(item) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"main":"HTTP2"}', (Spoken.H2, Tls.SIMPLE)),
        ('{"main":"HTTPS"}', (Spoken.HTTP1, Tls.SIMPLE)),
        ('{"other":"HTTP2"}', (Spoken.HTTP1, Tls.NONE)),
        ('{"main":"GRPC"}', (Spoken.UNKNOWN, Tls.UNKNOWN)),
        ("main", (Spoken.HTTP1, Tls.NONE)),
    ],
)
def test_googles_annotation_is_by_the_ports_name(value: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("gce"), service({APP_PROTOCOLS: value})) == expected


def test_googles_older_annotation_counts_first() -> None:
    both = {"service.alpha.kubernetes.io/app-protocols": '{"main":"HTTP2"}', APP_PROTOCOLS: '{"main":"HTTP"}'}
    assert spoken(ingress("gce"), service(both))[0] is Spoken.H2


def test_azures_gateway_always_speaks_http1() -> None:
    item = ingress("azure-application-gateway", **{"appgw.ingress.kubernetes.io/backend-protocol": "https"})
    assert spoken(item) == (Spoken.HTTP1, Tls.SIMPLE)
