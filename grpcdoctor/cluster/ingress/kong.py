"""Kong Ingress Controller: the Service's annotation konghq.com/protocol; appProtocol is not read.

Source: internal/annotations/annotations.go, internal/dataplane/kongstate/service.go and route.go (normalizeProtocols).
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.hops import Spoken, Tls, Upstream
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
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

PROTOCOL: Final = "konghq.com/protocol"
PROTOCOLS: Final = "konghq.com/protocols"
_OVERRIDE: Final = "konghq.com/override"

_MEANINGS: Final = {
    "grpc": (Spoken.H2, Tls.NONE, "selects HTTP/2 in plaintext"),
    "grpcs": (Spoken.H2, Tls.SIMPLE, "selects HTTP/2 over TLS"),
    "http": (Spoken.HTTP1, Tls.NONE, "selects HTTP/1.1"),
    "https": (Spoken.HTTP1, Tls.SIMPLE, "selects HTTP/1.1 over TLS"),
}


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    if place.service is None:
        return not_shown(place)
    holder = place.service.object
    value = holder.annotations.get(PROTOCOL, "").strip()
    if not value:
        if _OVERRIDE in holder.annotations:
            return unknown(f"the KongIngress {holder.annotations[_OVERRIDE]} decides, which is not looked into")
        return by_default("Kong")
    if value not in _MEANINGS:
        return Upstream(Spoken.UNKNOWN, annotated(holder, PROTOCOL, value, "is no HTTP protocol that Kong knows"))
    spoken, tls, effect = _MEANINGS[value]
    return decided(spoken, tls, annotated(holder, PROTOCOL, value, effect))


def protocols_of(item: Object) -> tuple[str, ...]:
    """What the routes of this Ingress take from clients; empty where the annotation is absent: http and https."""
    return tuple(word.strip() for word in item.annotations.get(PROTOCOLS, "").split(",") if word.strip())


def told(_cluster: Cluster, place: Place, tls: bool) -> Told | None:
    if place.service is None:
        return None
    value = "grpcs" if tls else "grpc"
    summary = f'Annotate the Service, so that Kong speaks {value} (the Ingress needs {PROTOCOLS}: "grpc,grpcs", too)'
    return Told(place.service.object, (*ANNOTATIONS, PROTOCOL), value, summary)


KONG: Final = Controller(
    platform="kong",
    title="Kong",
    upstream=upstream,
    told=told,
    controller=re.compile(r"konghq\.com/"),
    classes=("kong",),
    prefixes=("konghq.com/",),
    image=re.compile(r"kong/kubernetes-ingress-controller|(?:^|/)kong(?:-gateway)?[:@]"),
    regex=lambda _item: False,
)
