"""NGINX Ingress Controller of F5 (nginx/kubernetes-ingress): Ingress and VirtualServer.

Source: internal/configs/ingress.go ("requires HTTP2, ignoring"), virtualserver.go (generateUpstreams), configmaps.go.
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import at, flag_at, mapping_at, text_at
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import (
    ANNOTATIONS,
    Controller,
    Listening,
    Place,
    Told,
    annotated,
    by_default,
    decided,
)  # fmt: skip
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.kinds import NGINX_VIRTUAL_SERVER
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

GRPC_SERVICES: Final = "nginx.org/grpc-services"
SSL_SERVICES: Final = "nginx.org/ssl-services"


def listed(item: Object, name: str) -> tuple[str, ...]:
    """The Services in a comma-separated annotation."""
    return tuple(word.strip() for word in item.annotations.get(name, "").split(",") if word.strip())


def http2_off(cluster: Cluster) -> Decision | None:
    """Its ConfigMap, where it is shown and does not say `http2: "true"`: HTTP/2 is off by default."""
    found = setting(cluster, F5_NGINX, "http2")
    if found is None or flag_at(found[1]) is True:
        return None
    holder, value = found
    reason = f'{holder.title} data.http2 is {f"{value!r}" if value else "not set"}, so HTTP/2 is off'
    return Decision(holder, ("data", "http2"), value, reason)


def upstream(cluster: Cluster, place: Place) -> Upstream:
    if place.item.kind is NGINX_VIRTUAL_SERVER:
        return _of_virtual_server(place)
    tls = Tls.SIMPLE if place.name in listed(place.item, SSL_SERVICES) else Tls.NONE
    if place.name not in listed(place.item, GRPC_SERVICES):
        plain = by_default("F5 NGINX")
        return Upstream(plain.spoken, plain.decision, tls)
    value = place.item.annotations[GRPC_SERVICES]
    off = http2_off(cluster)
    if off is not None:
        return Upstream(Spoken.HTTP1, off, tls)
    decision = annotated(place.item, GRPC_SERVICES, value, f"selects HTTP/2 for {place.name}")
    return Upstream(Spoken.H2, decision, tls)


def _of_virtual_server(place: Place) -> Upstream:
    raw = mapping_at(place.item.raw, *place.path)
    tls = Tls.SIMPLE if flag_at(raw, "tls", "enable") is True else Tls.NONE
    kind = text_at(raw, "type")
    path = (*place.path, "type")
    if kind == "grpc":
        return Upstream(Spoken.H2, Decision.at(place.item, path, kind, "selects HTTP/2"), tls)
    if kind:
        return decided(Spoken.HTTP1, tls, Decision.at(place.item, path, kind, "selects HTTP/1.1"))
    plain = by_default("F5 NGINX")
    return Upstream(plain.spoken, plain.decision, tls)


def told(_cluster: Cluster, place: Place, _tls: bool) -> Told | None:
    if place.item.kind is NGINX_VIRTUAL_SERVER:
        summary = f"Set the type of the upstream {text_at(at(place.item.raw, *place.path), 'name')} to grpc"
        return Told(place.item, (*place.path, "type"), "grpc", summary)
    names = ",".join(dict.fromkeys((*listed(place.item, GRPC_SERVICES), place.name)))
    summary = f"Name {place.name} among the gRPC Services of this Ingress (the ConfigMap must say http2: \"true\", too)"
    return Told(place.item, (*ANNOTATIONS, GRPC_SERVICES), names, summary)


def listening(cluster: Cluster, _item: Object) -> Listening:
    off = http2_off(cluster)
    return Listening(Spoken.HTTP1, off) if off is not None else Listening()


F5_NGINX: Final = Controller(
    platform="nginx-ingress",
    title="F5 NGINX",
    upstream=upstream,
    told=told,
    listening=listening,
    controller=re.compile(r"^nginx\.org/"),
    prefixes=("nginx.org/", "nginx.com/"),
    image=re.compile(r"(?:^|/)nginx(?:-plus)?-ingress[:@]|nginx/nginx-ingress"),
    config_maps=("nginx-config", "nginx-ingress"),
)
