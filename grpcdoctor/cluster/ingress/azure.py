"""Azure Application Gateway (AGIC): HTTP/1.1 to every backend, whatever is annotated."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.controller import Controller, Place, annotated
from grpcdoctor.cluster.snapshot import Cluster

_PROTOCOL: Final = "appgw.ingress.kubernetes.io/backend-protocol"


def upstream(_cluster: Cluster, place: Place) -> Upstream:
    always = Decision(None, (), "", "an Azure Application Gateway speaks HTTP/1.1 to backends")
    value = place.item.annotations.get(_PROTOCOL, "").strip().lower()
    if value != "https":
        return Upstream(Spoken.HTTP1, always, Tls.NONE)
    return Upstream(Spoken.HTTP1, always, Tls.SIMPLE, annotated(place.item, _PROTOCOL, value, "selects TLS"))


AGIC: Final = Controller(
    platform="agic",
    title="Azure Application Gateway",
    upstream=upstream,
    controller=re.compile(r"^azure/application-gateway"),
    classes=("azure-application-gateway", "azure/application-gateway"),
    prefixes=("appgw.ingress.kubernetes.io/",),
    image=re.compile(r"azure-application-gateway/kubernetes-ingress"),
)
