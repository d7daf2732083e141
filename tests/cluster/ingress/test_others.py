"""Istio's and Cilium's own ingress; and objects that are not what they should be."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.kinds import (
    CONTOUR_HTTP_PROXY,
    EMISSARY_MAPPING,
    NGINX_VIRTUAL_SERVER,
    TRAEFIK_INGRESS_ROUTE,
    Kind,
)  # fmt: skip
from tests.cluster.ingress.samples import ingress, rules, service, spoken


def test_istio_goes_by_the_port() -> None:
    assert spoken(ingress("istio"), service(name="grpc"))[0] is Spoken.H2
    assert spoken(ingress("istio"), service(name="http-main"))[0] is Spoken.HTTP1


def test_cilium_hands_on_the_clients_version() -> None:
    assert spoken(ingress("cilium"), service())[0] is Spoken.SAME
    assert spoken(ingress("cilium"), service(appProtocol="kubernetes.io/h2c"))[0] is Spoken.H2


WRONG: tuple[Any, ...] = (None, [], {}, "text", 7, [None], [[]], [{"services": [None, {}]}], True)
KINDS = (CONTOUR_HTTP_PROXY, EMISSARY_MAPPING, NGINX_VIRTUAL_SERVER, TRAEFIK_INGRESS_ROUTE)
FIELDS = ("routes", "upstreams", "virtualhost", "includes", "tls", "service", "hostname", "prefix")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_wrong_type_stops_it(kind: Kind) -> None:
    for field in FIELDS:
        for wrong in WRONG:
            spec: dict[str, Any] = {"virtualhost": {"fqdn": "a"}, "service": "g:1", "routes": [{}], field: wrong}
            item = {
                "apiVersion": kind.api_version,
                "kind": kind.name,
                "metadata": {"name": "x", "namespace": "y"},
                "spec": spec,
            }
            rules(item)
