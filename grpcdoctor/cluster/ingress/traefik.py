"""Traefik: Ingress (annotation of the Service) and IngressRoute (scheme of the service).

Source: pkg/provider/kubernetes/ingress/kubernetes.go (getProtocol), crd/kubernetes_http.go (parseServiceProtocol).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from grpcdoctor.cluster.fields import flag_at, mapping_at, text_at
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import (
    ANNOTATIONS,
    Controller,
    Place,
    Told,
    annotated,
    by_default,
    decided,
    not_shown,
    unknown,
)  # fmt: skip
from grpcdoctor.cluster.kinds import TRAEFIK_INGRESS_ROUTE, TRAEFIK_SERVERS_TRANSPORT
from grpcdoctor.cluster.snapshot import Cluster

SCHEME: Final = "traefik.ingress.kubernetes.io/service.serversscheme"
_H2C: Final = "selects HTTP/2 in plaintext"
_HTTP: Final = "selects HTTP/1.1"
_HTTPS: Final = "selects TLS, over which HTTP/2 is agreed on"


def upstream(cluster: Cluster, place: Place) -> Upstream:
    if place.item.kind is TRAEFIK_INGRESS_ROUTE:
        return _of_route(cluster, place)
    if place.service is None:
        return not_shown(place)
    holder = place.service.object
    name = next((name for name in holder.annotations if name.lower() == SCHEME), SCHEME)
    scheme = holder.annotations.get(name, "").strip()
    if scheme:
        return _by_scheme(scheme, lambda effect: annotated(holder, name, scheme, effect))
    return _by_port(place)


def _of_route(cluster: Cluster, place: Place) -> Upstream:
    raw = mapping_at(place.item.raw, *place.path)
    if text_at(raw, "kind") not in ("", "Service"):
        return unknown(f"{text_at(raw, 'kind')} {text_at(raw, 'name')} is not looked into")
    scheme = text_at(raw, "scheme")
    path = (*place.path, "scheme")
    found = _by_scheme(scheme, lambda effect: Decision.at(place.item, path, scheme, effect)) if scheme else None
    if found is None:
        found = _by_port(place) if place.service is not None else not_shown(place)
    transport = text_at(raw, "serversTransport")
    if found.tls is Tls.SIMPLE and transport:
        other = cluster.get(TRAEFIK_SERVERS_TRANSPORT, place.item.namespace, transport)
        if other is not None and flag_at(other.spec, "disableHTTP2") is True:
            decision = Decision.at(other, ("spec", "disableHTTP2"), "true", "leaves HTTP/1.1 over TLS")
            return Upstream(Spoken.HTTP1, decision, Tls.SIMPLE, found.tls_decision)
    return found


def _by_scheme(scheme: str, decision: Callable[[str], Decision]) -> Upstream:
    if scheme == "h2c":
        return decided(Spoken.H2, Tls.NONE, decision(_H2C))
    if scheme == "https":
        return decided(Spoken.H2, Tls.SIMPLE, decision(_HTTPS))
    if scheme == "http":
        return decided(Spoken.HTTP1, Tls.NONE, decision(_HTTP))
    return Upstream(Spoken.UNKNOWN, decision("is no scheme that Traefik knows: it drops the service"))


def _by_port(place: Place) -> Upstream:
    """https for the port 443 or a name that begins with https; http otherwise."""
    if place.port is None:
        return by_default("Traefik")
    holder = place.port.service.object
    if place.port.number == 443:
        return decided(Spoken.H2, Tls.SIMPLE, Decision.at(holder, (*place.port.path, "port"), "443", _HTTPS))
    if place.port.name.startswith("https"):
        decision = Decision.at(holder, (*place.port.path, "name"), place.port.name, _HTTPS)
        return decided(Spoken.H2, Tls.SIMPLE, decision)
    return by_default("Traefik")


def told(_cluster: Cluster, place: Place, tls: bool) -> Told | None:
    scheme = "https" if tls else "h2c"
    if place.item.kind is TRAEFIK_INGRESS_ROUTE:
        return Told(place.item, (*place.path, "scheme"), scheme, f"Set scheme: {scheme} for this service")
    if place.service is None:
        return None
    summary = f"Annotate the Service, so that Traefik speaks {scheme} to it"
    return Told(place.service.object, (*ANNOTATIONS, SCHEME), scheme, summary)


TRAEFIK: Final = Controller(
    platform="traefik",
    title="Traefik",
    upstream=upstream,
    told=told,
    controller=re.compile(r"^traefik\.io/"),
    classes=("traefik", "traefik-lb", "traefik-internal"),
    prefixes=("traefik.ingress.kubernetes.io/",),
    image=re.compile(r"(?:^|/)(?:mirrored-library-)?traefik(?:ee)?[:@]|(?:^|/)traefik$"),
)
