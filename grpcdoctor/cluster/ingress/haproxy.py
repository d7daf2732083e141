"""The two HAProxy controllers: haproxy-ingress (jcmoraisjr) and HAProxy Kubernetes Ingress Controller (haproxytech).

Source: haproxy-ingress pkg/converters/ingress/annotations/backend.go (buildBackendProtocol); haproxytech
pkg/annotations/service/proto.go and ssl.go.
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import (
    ANNOTATIONS,
    Controller,
    Listening,
    Place,
    Told,
    annotated,
    annotation,
    by_default,
    decided,
)  # fmt: skip
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

_OLD: Final = "ingress.kubernetes.io/"
COMMUNITY_PREFIX: Final = "haproxy-ingress.github.io/"
VENDOR_PREFIX: Final = "haproxy.org/"

_COMMUNITY: Final = {
    "h1": (Spoken.HTTP1, Tls.NONE), "http": (Spoken.HTTP1, Tls.NONE),
    "h1-ssl": (Spoken.HTTP1, Tls.SIMPLE), "https": (Spoken.HTTP1, Tls.SIMPLE),
    "h2": (Spoken.H2, Tls.NONE), "grpc": (Spoken.H2, Tls.NONE),
    "h2-ssl": (Spoken.H2, Tls.SIMPLE), "grpcs": (Spoken.H2, Tls.SIMPLE),
}  # fmt: skip


def _written(
    cluster: Cluster, controller: Controller, place: Place, prefixes: tuple[str, ...], key: str
) -> tuple[str, Object, Decision | None] | None:
    """(value, holder, decision): the Service counts before the Ingress, and that before the ConfigMap."""
    holders = [place.service.object] if place.service is not None else []
    for holder in (*holders, place.item):
        found = annotation(holder, *(prefix + key for prefix in prefixes))
        if found is not None:
            return found[1].strip(), holder, annotated(holder, found[0], found[1], "")
    config = setting(cluster, controller, key)
    if config is not None and config[1]:
        return config[1], config[0], Decision.at(config[0], ("data", key), config[1], "")
    return None


def _with(decision: Decision | None, effect: str) -> Decision:
    assert decision is not None
    return Decision(decision.object, decision.path, decision.value, f"{decision.reason}{effect}")


def upstream_community(cluster: Cluster, place: Place) -> Upstream:
    prefixes = (COMMUNITY_PREFIX, _OLD)
    secure = _written(cluster, HAPROXY_INGRESS, place, prefixes, "secure-backends")
    also_tls = secure is not None and flag_at(secure[0]) is True
    found = _written(cluster, HAPROXY_INGRESS, place, prefixes, "backend-protocol")
    if found is None:
        plain = by_default("haproxy-ingress")
        return Upstream(plain.spoken, plain.decision, Tls.SIMPLE if also_tls else Tls.NONE)
    value, _, decision = found
    if value.lower() not in _COMMUNITY:
        return decided(Spoken.HTTP1, Tls.NONE, _with(decision, "is unknown, and HTTP/1.1 used"))
    spoken, tls = _COMMUNITY[value.lower()]
    effect = "selects HTTP/2" if spoken is Spoken.H2 else "selects HTTP/1.1"
    return decided(spoken, Tls.SIMPLE if also_tls else tls, _with(decision, effect))


def upstream_vendor(cluster: Cluster, place: Place) -> Upstream:
    prefixes = (VENDOR_PREFIX, "haproxy.com/", _OLD)
    proto = _written(cluster, HAPROXY_VENDOR, place, prefixes, "server-proto")
    ssl = _written(cluster, HAPROXY_VENDOR, place, prefixes, "server-ssl")
    if ssl is not None and flag_at(ssl[0]) is True:
        if proto is not None and proto[0] == "h1":
            return decided(Spoken.HTTP1, Tls.SIMPLE, _with(proto[2], "leaves HTTP/1.1 over TLS"))
        return decided(Spoken.H2, Tls.SIMPLE, _with(ssl[2], "selects TLS, over which HTTP/2 is agreed on"))
    if proto is None:
        return by_default("HAProxy")
    if proto[0] == "h2":
        return decided(Spoken.H2, Tls.NONE, _with(proto[2], "selects HTTP/2 in plaintext"))
    return decided(Spoken.HTTP1, Tls.NONE, _with(proto[2], "selects HTTP/1.1"))


def told_community(_cluster: Cluster, place: Place, tls: bool) -> Told | None:
    value = "grpcs" if tls else "grpc"
    holder = place.service.object if place.service is not None else place.item
    summary = f"Tell haproxy-ingress that this backend speaks gRPC: backend-protocol: {value}"
    return Told(holder, (*ANNOTATIONS, f"{COMMUNITY_PREFIX}backend-protocol"), value, summary)


def told_vendor(_cluster: Cluster, place: Place, tls: bool) -> Told | None:
    holder = place.service.object if place.service is not None else place.item
    key, value = ("server-ssl", "true") if tls else ("server-proto", "h2")
    return Told(holder, (*ANNOTATIONS, VENDOR_PREFIX + key), value, f"Have HAProxy speak HTTP/2 to it: {key}: {value}")


def _listening(value: str, decision: Decision) -> Listening:
    return Listening() if not value or "h2" in re.split(r"[,\s]+", value) else Listening(Spoken.HTTP1, decision)


def listening_community(cluster: Cluster, item: Object) -> Listening:
    """`tls-alpn` belongs to the host: the Ingress's, else the ConfigMap's."""
    found = annotation(item, f"{COMMUNITY_PREFIX}tls-alpn", f"{_OLD}tls-alpn")
    if found is not None:
        return _listening(found[1], annotated(item, found[0], found[1], "offers clients no HTTP/2"))
    return _configured(cluster, HAPROXY_INGRESS)


def listening_vendor(cluster: Cluster, _item: Object) -> Listening:
    return _configured(cluster, HAPROXY_VENDOR)


def _configured(cluster: Cluster, controller: Controller) -> Listening:
    found = setting(cluster, controller, "tls-alpn")
    if found is None:
        return Listening()
    holder, value = found
    return _listening(value, Decision.at(holder, ("data", "tls-alpn"), value, "offers clients no HTTP/2"))


HAPROXY_INGRESS: Final = Controller(
    platform="haproxy-ingress",
    title="haproxy-ingress",
    upstream=upstream_community,
    told=told_community,
    listening=listening_community,
    controller=re.compile(r"^haproxy-ingress\.github\.io/"),
    prefixes=(COMMUNITY_PREFIX,),
    image=re.compile(r"jcmoraisjr/haproxy-ingress"),
    config_maps=("haproxy-ingress",),
)
HAPROXY_VENDOR: Final = Controller(
    platform="haproxy",
    title="HAProxy",
    upstream=upstream_vendor,
    told=told_vendor,
    listening=listening_vendor,
    controller=re.compile(r"^haproxy\.org/"),
    classes=("haproxy",),
    prefixes=(VENDOR_PREFIX, "haproxy.com/"),
    image=re.compile(r"haproxytech/kubernetes-ingress"),
    config_maps=("haproxy-kubernetes-ingress", "haproxy-configmap"),
)
