"""Emissary-ingress (Ambassador): Mappings. `grpc: true` selects HTTP/2, `https://` in front of the service TLS.

Source: python/ambassador/src/ambassador/ir/irhttpmapping.py, envoy/v3/v3cluster.py and v3route.py.
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import flag_at, text_at
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import Controller, Place, Told, unknown
from grpcdoctor.cluster.kinds import EMISSARY_MAPPING
from grpcdoctor.cluster.snapshot import Cluster

_ADDRESS: Final = re.compile(r"^(?:(?P<scheme>https?)://)?(?P<host>[\w.-]+)(?::(?P<port>\d{1,5}))?/?$")


def address_of(written: str, namespace: str) -> tuple[str, str, int, bool] | None:
    """(namespace, Service, port, TLS) of `https://greeter.prod:50051`; None where it is no Service's name."""
    match = _ADDRESS.match(written.strip())
    if match is None:
        return None
    tls = match["scheme"] == "https"
    name, _, rest = match["host"].partition(".")
    space = rest.partition(".")[0] or namespace
    return space, name, int(match["port"] or (443 if tls else 80)), tls


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    if place.item.kind is not EMISSARY_MAPPING:
        return unknown("whether Emissary speaks HTTP/2 to the backend of an Ingress is not known")
    spec = place.item.spec
    address = address_of(text_at(spec, "service"), place.item.namespace)
    secure = (address is not None and address[3]) or flag_at(spec, "tls") is True or bool(text_at(spec, "tls"))
    tls = Tls.SIMPLE if secure and text_at(spec, "tls") != "false" else Tls.NONE
    decision = Decision.at(place.item, ("spec", "service"), text_at(spec, "service"), "decides the TLS")
    if flag_at(spec, "grpc") is True:
        return Upstream(Spoken.H2, Decision.at(place.item, ("spec", "grpc"), "true", "selects HTTP/2"), tls, decision)
    plain = Decision.by_default("Emissary", "speaks HTTP/1.1 to backends")
    return Upstream(Spoken.HTTP1, plain, tls, decision)


def told(_cluster: Cluster, place: Place, _tls: bool) -> Told | None:
    if place.item.kind is not EMISSARY_MAPPING:
        return None
    return Told(place.item, ("spec", "grpc"), True, "Set grpc: true, so that Emissary speaks HTTP/2 to the service")


EMISSARY: Final = Controller(
    platform="emissary",
    title="Emissary",
    upstream=upstream,
    told=told,
    controller=re.compile(r"^getambassador\.io/"),
    classes=("ambassador", "emissary"),
    prefixes=("getambassador.io/",),
    image=re.compile(r"(?:^|/)(?:emissary|aes|ambassador)[:@]"),
)
