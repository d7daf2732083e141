"""GCE Ingress (ingress-gce, GKE): the Service's annotation app-protocols, by the port's name.

Source: pkg/annotations/service.go (ApplicationProtocols), pkg/controller/translator/translator.go (setAppProtocol).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from grpcdoctor.cluster.fields import at, mapping_at
from grpcdoctor.cluster.hops import Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import (
    ANNOTATIONS,
    Controller,
    Place,
    Told,
    annotated,
    annotation,
    by_default,
    decided,
    not_shown,
)  # fmt: skip
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster

APP_PROTOCOLS: Final = "cloud.google.com/app-protocols"
BACKEND_CONFIG: Final = "cloud.google.com/backend-config"
_LEGACY: Final = "service.alpha.kubernetes.io/app-protocols"
_LONGEST: Final = 10_000
_MEANINGS: Final = {
    "HTTP2": (Spoken.H2, Tls.SIMPLE, "selects HTTP/2 over TLS"),
    "HTTPS": (Spoken.HTTP1, Tls.SIMPLE, "selects HTTP/1.1 over TLS"),
    "HTTP": (Spoken.HTTP1, Tls.NONE, "selects HTTP/1.1"),
}


def protocols_of(holder: Object) -> tuple[str, str, dict[str, str]] | None:
    """(the annotation, its value, port name -> protocol); the older annotation counts first."""
    found = annotation(holder, _LEGACY, APP_PROTOCOLS)
    if found is None:
        return None
    parsed = _parsed(found[1])
    pairs = parsed.items() if isinstance(parsed, dict) else ()
    return (*found, {str(key): value for key, value in pairs if isinstance(value, str)})


def backend_config_of(port: ServicePort) -> str | None:
    """The BackendConfig that the Service names for this port: "" where it names none, None where it cannot be read."""
    found = annotation(port.service.object, BACKEND_CONFIG, f"beta.{BACKEND_CONFIG}")
    if found is None:
        return ""
    parsed = _parsed(found[1])
    ports = mapping_at(parsed, "ports")
    name = ports.get(port.name) or ports.get(str(port.number)) or at(parsed, "default")
    return name if isinstance(name, str) else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if len(text) < _LONGEST else None
    except (ValueError, RecursionError):
        return None


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    if place.service is None or place.port is None:
        return not_shown(place)
    found = protocols_of(place.service.object)
    protocol = found[2].get(place.port.name) if found is not None else None
    if found is None or protocol is None:
        return by_default("a Google load balancer")
    name, value, _ = found
    if protocol not in _MEANINGS:
        return Upstream(Spoken.UNKNOWN, annotated(place.service.object, name, value, "is refused"))
    spoken, tls, effect = _MEANINGS[protocol]
    return decided(spoken, tls, annotated(place.service.object, name, value, effect))


def told(_cluster: Cluster, place: Place, _tls: bool) -> Told | None:
    if place.port is None or not place.port.name:
        return None
    found = protocols_of(place.port.service.object)
    name, kept = (found[0], found[2]) if found is not None else (APP_PROTOCOLS, {})
    value = json.dumps({**kept, place.port.name: "HTTP2"})
    summary = "Have the load balancer speak HTTP/2, which it does over TLS only: the pods must serve TLS with ALPN h2"
    return Told(place.port.service.object, (*ANNOTATIONS, name), value, summary)


GCE: Final = Controller(
    platform="gce",
    title="GKE Ingress",
    upstream=upstream,
    told=told,
    controller=re.compile(r"^k8s\.io/ingress-gce"),
    classes=("gce", "gce-internal"),
    prefixes=("networking.gke.io/", "ingress.gcp.kubernetes.io/"),
)
