"""Contour: Ingress and HTTPProxy. A Service port's appProtocol, where it is set, rules out the Service's annotation.

Source: internal/dag/accessors.go (upstreamProtocol, toContourProtocol), httpproxy_processor.go (getProtocol).
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, text_at
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
)  # fmt: skip
from grpcdoctor.cluster.kinds import CONTOUR_HTTP_PROXY
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster

PREFIX: Final = "projectcontour.io/upstream-protocol."
_MEANINGS: Final = {
    "h2c": (Spoken.H2, Tls.NONE, "selects HTTP/2 in plaintext"),
    "h2": (Spoken.H2, Tls.SIMPLE, "selects HTTP/2 over TLS"),
    "tls": (Spoken.HTTP1, Tls.SIMPLE, "selects TLS without HTTP/2"),
}
_APP_PROTOCOLS: Final = {"kubernetes.io/h2c": "h2c", "https": "tls"}


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    if place.item.kind is CONTOUR_HTTP_PROXY:
        path: FieldPath = (*place.path, "protocol")
        protocol = text_at(place.item.raw, *path)
        if protocol in _MEANINGS:
            spoken, tls, effect = _MEANINGS[protocol]
            return decided(spoken, tls, Decision.at(place.item, path, protocol, effect))
        if protocol:
            refused = Decision.at(place.item, path, protocol, "is unknown to Contour, which refuses the HTTPProxy")
            return Upstream(Spoken.UNKNOWN, refused)
    if place.service is None:
        return not_shown(place)
    return of_port(place.port) if place.port is not None else by_default("Contour")


def of_port(port: ServicePort) -> Upstream:
    """What the Service says: its port's appProtocol alone, else its annotations."""
    holder = port.service.object
    if port.app_protocol is not None:
        path: FieldPath = (*port.path, "appProtocol")
        protocol = _APP_PROTOCOLS.get(port.app_protocol)
        spoken, tls, effect = _MEANINGS.get(protocol or "", (Spoken.HTTP1, Tls.NONE, "selects HTTP/1.1 with Contour"))
        return decided(spoken, tls, Decision.at(holder, path, port.app_protocol, effect))
    found = annotated_protocol(port)
    if found is None:
        return by_default("Contour")
    spoken, tls, effect = _MEANINGS[found]
    name = PREFIX + found
    return decided(spoken, tls, annotated(holder, name, holder.annotations[name], effect))


def annotated_protocol(port: ServicePort) -> str | None:
    """The protocol that an annotation of the Service gives to this port, by name or else by number."""
    listed = {
        word.strip(): protocol
        for protocol in ("h2", "h2c", "tls")
        for word in port.service.object.annotations.get(PREFIX + protocol, "").split(",")
        if word.strip()
    }
    return listed.get(port.name) or listed.get(str(port.number))


def told(_cluster: Cluster, place: Place, tls: bool) -> Told | None:
    if place.item.kind is CONTOUR_HTTP_PROXY:
        protocol = "h2" if tls else "h2c"
        return Told(place.item, (*place.path, "protocol"), protocol, f"Set protocol: {protocol} for this service")
    if place.port is None:
        return None
    holder, path = place.port.service.object, place.port.path
    if not tls:
        summary = "Declare HTTP/2 with an appProtocol that every gateway understands"
        return Told(holder, (*path, "appProtocol"), "kubernetes.io/h2c", summary)
    if place.port.app_protocol is not None:
        return None
    return Told(holder, (*ANNOTATIONS, f"{PREFIX}h2"), str(place.port.number), "Annotate the Service: HTTP/2 over TLS")


CONTOUR: Final = Controller(
    platform="contour",
    title="Contour",
    upstream=upstream,
    told=told,
    controller=re.compile(r"^projectcontour\.io/"),
    classes=("contour", "contour-internal", "contour-external"),
    prefixes=("projectcontour.io/",),
    image=re.compile(r"(?:^|/)contour[:@]"),
)
