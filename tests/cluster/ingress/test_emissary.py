"""Emissary: `grpc: true`, and a Service's name with or without https."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.ingress.emissary import address_of
from tests.cluster.ingress.samples import rule, rules, service, spoken


def mapping(**spec: Any) -> dict[str, Any]:
    whole = {"hostname": "*", "prefix": "/shop.Greeter/", "service": "greeter:50051", **spec}
    metadata = {"name": "greeter", "namespace": "prod"}
    return {"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping", "metadata": metadata, "spec": whole}


def test_grpc_true_selects_http2() -> None:
    assert spoken(mapping(grpc=True)) == (Spoken.H2, Tls.NONE)
    assert spoken(mapping(grpc=True, service="https://greeter:50051")) == (Spoken.H2, Tls.SIMPLE)
    assert spoken(mapping())[0] is Spoken.HTTP1
    assert rule(mapping(grpc=True)).declares_grpc


def test_the_service_is_found() -> None:
    (backend,) = rule(mapping(service="greeter.prod"), service(port=80)).backends
    assert backend.service is not None
    assert backend.port is not None


def test_a_redirect_has_no_backend() -> None:
    assert rules(mapping(host_redirect=True)) == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("greeter", ("prod", "greeter", 80, False)),
        ("https://greeter.shop:8443", ("shop", "greeter", 8443, True)),
        ("greeter.shop.svc.cluster.local:50051", ("shop", "greeter", 50051, False)),
        ("", None),
        ("http://[::1]:80", None),
    ],
)
def test_addresses(written: str, expected: object) -> None:
    assert address_of(written, "prod") == expected
