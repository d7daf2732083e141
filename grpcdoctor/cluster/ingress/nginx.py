"""ingress-nginx (kubernetes/ingress-nginx): the annotation backend-protocol decides for the whole Ingress.

Source: internal/ingress/annotations/backendprotocol/main.go, internal/ingress/controller/template/template.go
(buildProxyPass), controller.go (mergeAlternativeBackends).
"""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import flag_at, mappings_at, text_at
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
    unknown,
)  # fmt: skip
from grpcdoctor.cluster.ingress.installed import setting, words_of
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

PREFIX: Final = "nginx.ingress.kubernetes.io/"
BACKEND_PROTOCOL: Final = f"{PREFIX}backend-protocol"

# The value in upper case -> what grpc_pass, proxy_pass or fastcgi_pass then speak.
_MEANINGS: Final = {
    "GRPC": (Spoken.H2, Tls.NONE, "selects HTTP/2 in plaintext (grpc_pass grpc://)"),
    "GRPCS": (Spoken.H2, Tls.SIMPLE, "selects HTTP/2 over TLS (grpc_pass grpcs://)"),
    "HTTP": (Spoken.HTTP1, Tls.NONE, "selects HTTP/1.1"),
    "AUTO_HTTP": (Spoken.HTTP1, Tls.UNKNOWN, "selects HTTP/1.1"),
    "HTTPS": (Spoken.HTTP1, Tls.SIMPLE, "selects HTTP/1.1 over TLS"),
    "FCGI": (Spoken.UNKNOWN, Tls.NONE, "selects FastCGI"),
}


def upstream(cluster: Cluster, place: Place) -> Upstream:
    """What it speaks to the backend of an Ingress; a canary's own annotation does not count."""
    if passes_tls(cluster, place.item):
        name = f"{PREFIX}ssl-passthrough"
        decision = annotated(place.item, name, "true", "hands the client's TLS on unread")
        return Upstream(Spoken.TLS, decision, Tls.UNKNOWN)
    item = place.item
    if is_canary(item):
        main = main_of(cluster, item, place.host, place.match)
        if main is None:
            return unknown(f"{item.title} is a canary, and the Ingress that it belongs to was not shown")
        item = main
    value = item.annotations.get(BACKEND_PROTOCOL, "").strip()
    if not value:
        return by_default("ingress-nginx")
    if value.upper() not in _MEANINGS:
        invalid = annotated(item, BACKEND_PROTOCOL, value, "is unknown, and HTTP/1.1 used")
        return decided(Spoken.HTTP1, Tls.NONE, invalid)
    spoken, tls, effect = _MEANINGS[value.upper()]
    return decided(spoken, tls, annotated(item, BACKEND_PROTOCOL, value, effect))


def told(cluster: Cluster, place: Place, tls: bool) -> Told | None:
    item = place.item
    if is_canary(item):
        item = main_of(cluster, item, place.host, place.match) or item
    value = "GRPCS" if tls else "GRPC"
    summary = f'Tell ingress-nginx that the backends of this Ingress speak gRPC: backend-protocol: "{value}"'
    return Told(item, (*ANNOTATIONS, BACKEND_PROTOCOL), value, summary, for_all=True)


def listening(cluster: Cluster, item: Object) -> Listening:
    """HTTP/2 unless the ConfigMap turns it off."""
    found = setting(cluster, NGINX, "use-http2")
    if found is not None and flag_at(found[1]) is False:
        decision = Decision.at(found[0], ("data", "use-http2"), found[1], "turns HTTP/2 off on every listener")
        return Listening(Spoken.HTTP1, decision, passes_tls(cluster, item))
    return Listening(passes_tls=passes_tls(cluster, item))


def passes_tls(cluster: Cluster, item: Object) -> bool:
    """The annotation counts only where the controller was started with --enable-ssl-passthrough."""
    if flag_at(item.annotations, f"{PREFIX}ssl-passthrough") is not True:
        return False
    words = words_of(cluster, NGINX)
    return words is None or any(word.startswith("--enable-ssl-passthrough") for word in words)


def is_canary(item: Object) -> bool:
    return flag_at(item.annotations, f"{PREFIX}canary") is True


def main_of(cluster: Cluster, item: Object, host: str, path: str) -> Object | None:
    """The Ingress whose location the canary joins: the same host and path."""
    found = cluster.once(_mains).get((host, path or "/"))
    return found if found is not item else None


def uses_regex(item: Object) -> bool:
    """rewrite-target or use-regex make every path of the host a regular expression."""
    return flag_at(item.annotations, f"{PREFIX}use-regex") is True or bool(
        item.annotations.get(f"{PREFIX}rewrite-target")
    )


def _mains(cluster: Cluster) -> dict[tuple[str, str], Object]:
    found: dict[tuple[str, str], Object] = {}
    for item in cluster.all(INGRESS):
        if is_canary(item):
            continue
        for _, rule in mappings_at(item.spec, "rules"):
            for _, path in mappings_at(rule, "http", "paths"):
                found.setdefault((text_at(rule, "host"), text_at(path, "path") or "/"), item)
    return found


NGINX: Final = Controller(
    platform="ingress-nginx",
    title="ingress-nginx",
    upstream=upstream,
    told=told,
    listening=listening,
    controller=re.compile(r"^k8s\.io/.*ingress-nginx|^k8s\.io/.*nginx"),
    classes=("nginx", "nginx-internal", "internal-nginx", "nginx-external", "external-nginx", "nginx-public"),
    prefixes=(PREFIX,),
    image=re.compile(r"ingress-nginx/(?:controller|kube-webhook)|nginx-ingress-controller|(?:^|/)ingress-nginx[:/-]"),
    config_maps=("ingress-nginx-controller", "nginx-configuration", "nginx-ingress-controller"),
    regex=uses_regex,
)
