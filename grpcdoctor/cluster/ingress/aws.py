"""AWS Load Balancer Controller: an ALB for an Ingress. An annotation of the Service counts before the Ingress's.

Source: pkg/ingress/model_build_target_group.go (buildTargetGroupProtocolVersion), model_build_listener.go
(computeIngressListenPorts).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import (
    ANNOTATIONS,
    Controller,
    Place,
    Told,
    annotated,
    annotation,
    by_default,
)  # fmt: skip
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

PREFIX: Final = "alb.ingress.kubernetes.io/"
VERSION: Final = f"{PREFIX}backend-protocol-version"
LISTEN_PORTS: Final = f"{PREFIX}listen-ports"
CERTIFICATE: Final = f"{PREFIX}certificate-arn"

_SPOKEN: Final = {"GRPC": Spoken.H2, "HTTP2": Spoken.H2, "HTTP1": Spoken.HTTP1}
_LONGEST: Final = 10_000


def written(place: Place, name: str) -> tuple[Object, str] | None:
    """(who says it, the value): the Service, else the Ingress."""
    holders = [place.service.object] if place.service is not None else []
    for holder in (*holders, place.item):
        found = annotation(holder, name)
        if found is not None:
            return holder, found[1].strip()
    return None


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    tls, tls_decision = _tls(place)
    found = written(place, VERSION)
    if found is None:
        plain = by_default("an ALB")
        return Upstream(plain.spoken, plain.decision, tls, tls_decision)
    holder, value = found
    if value not in _SPOKEN:
        refused = "is refused: the controller knows GRPC, HTTP2 and HTTP1, in capitals"
        return Upstream(Spoken.UNKNOWN, annotated(holder, VERSION, value, refused), tls, tls_decision)
    effect = "selects HTTP/1.1" if value == "HTTP1" else "selects HTTP/2"
    return Upstream(_SPOKEN[value], annotated(holder, VERSION, value, effect), tls, tls_decision)


def _tls(place: Place) -> tuple[Tls, Decision | None]:
    name = f"{PREFIX}backend-protocol"
    found = written(place, name)
    if found is None:
        return Tls.NONE, None
    tls = {"HTTP": Tls.NONE, "HTTPS": Tls.SIMPLE}.get(found[1], Tls.UNKNOWN)
    return tls, annotated(found[0], name, found[1], "decides the TLS")


def listeners(item: Object) -> tuple[tuple[str, int], ...] | None:
    """((protocol, port), …) of `listen-ports`; None where it is absent or cannot be read."""
    text = item.annotations.get(LISTEN_PORTS, "")
    try:
        parsed: Any = json.loads(text) if text and len(text) < _LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, list):
        return None
    pairs = [pair for entry in parsed if isinstance(entry, dict) for pair in entry.items()]
    return tuple((str(protocol), port) for protocol, port in pairs if isinstance(port, int))


def told(_cluster: Cluster, place: Place, _tls: bool) -> Told | None:
    summary = "Have the ALB make a gRPC target group: backend-protocol-version: GRPC"
    return Told(place.item, (*ANNOTATIONS, VERSION), "GRPC", summary, for_all=True)


ALB: Final = Controller(
    platform="alb",
    title="AWS ALB",
    upstream=upstream,
    told=told,
    controller=re.compile(r"^ingress\.k8s\.aws/|^eks\.amazonaws\.com/alb"),
    classes=("alb",),
    prefixes=(PREFIX,),
    image=re.compile(r"aws-(?:alb-ingress|load-balancer)-controller"),
)
