"""Kong: the Service's annotation, and nothing else."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from tests.cluster.ingress.samples import ingress, service, spoken


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("grpc", (Spoken.H2, Tls.NONE)),
        ("grpcs", (Spoken.H2, Tls.SIMPLE)),
        ("https", (Spoken.HTTP1, Tls.SIMPLE)),
        ("tcp", (Spoken.UNKNOWN, Tls.UNKNOWN)),
    ],
)
def test_the_services_annotation_decides(value: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("kong"), service({"konghq.com/protocol": value})) == expected


def test_app_protocol_and_the_ingress_do_not_count() -> None:
    item = ingress("kong", **{"konghq.com/protocols": "grpc,grpcs"})
    assert spoken(item, service(appProtocol="kubernetes.io/h2c"))[0] is Spoken.HTTP1


def test_a_kong_ingress_that_overrides_is_not_guessed_at() -> None:
    assert spoken(ingress("kong"), service({"konghq.com/override": "mine"}))[0] is Spoken.UNKNOWN
