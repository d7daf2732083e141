"""Controllers about which little is to be said, and those of which nothing is known."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import Controller, Place, Told, not_shown, unknown
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.snapshot import DEFAULT_ROOT_NAMESPACE, Cluster


def _of_istio(cluster: Cluster, place: Place) -> Upstream:
    """An Ingress that Istio's own gateway serves: as for a VirtualService."""
    if place.port is None:
        return not_shown(place)
    service = place.port.service
    return upstream_of(cluster, Client(ClientKind.GATEWAY, DEFAULT_ROOT_NAMESPACE), place.port, service.full_host)


def _told_istio(_cluster: Cluster, place: Place, _tls: bool) -> Told | None:
    if place.port is None:
        return None
    summary = "Declare HTTP/2 with an appProtocol that every gateway understands"
    return Told(place.port.service.object, (*place.port.path, "appProtocol"), "kubernetes.io/h2c", summary)


def _of_cilium(_cluster: Cluster, place: Place) -> Upstream:
    if place.port is not None and place.port.app_protocol == "kubernetes.io/h2c":
        path = (*place.port.path, "appProtocol")
        decision = Decision.at(place.port.service.object, path, "kubernetes.io/h2c", "selects HTTP/2")
        return Upstream(Spoken.H2, decision, Tls.NONE)
    return Upstream(Spoken.SAME, Decision.by_default("Cilium", "hands on the client's HTTP version"), Tls.NONE)


def _of_unknown(_cluster: Cluster, _place: Place) -> Upstream:
    return unknown("the ingress controller is not known, nor what it speaks to backends")


ISTIO_INGRESS: Final = Controller(
    platform="istio-ingress",
    title="Istio",
    upstream=_of_istio,
    told=_told_istio,
    controller=re.compile(r"^istio\.io/"),
    classes=("istio",),
)
CILIUM: Final = Controller(
    platform="cilium",
    title="Cilium",
    upstream=_of_cilium,
    controller=re.compile(r"^cilium\.io/"),
    classes=("cilium",),
    prefixes=("ingress.cilium.io/",),
)
UNKNOWN: Final = Controller(platform="ingress", title="an ingress controller", upstream=_of_unknown)
