"""Scope: where each kind is read when the user asks for some namespaces only.

Configuration (Services, routes, policies, gateways) is read everywhere all the same: a gateway in another namespace may
decide what happens to a call. What there is a lot of is read in the namespaces asked for, and where gateways and Istio
run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from grpcdoctor.cluster.fields import mappings_at, number_at, string_map, text_at
from grpcdoctor.cluster.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    KINDS,
    POD,
    ROLLOUT,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import DEFAULT_ROOT_NAMESPACE

BULKY: Final = (POD, ENDPOINT_SLICE, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, ROLLOUT)
"""Grows with what runs, not with how it is set up."""
BY_NAME: Final = (SECRET, CONFIG_MAP)
"""Never listed: most of them are nobody's business."""
LISTED_KINDS: Final = tuple(kind for kind in KINDS if kind not in BY_NAME)

_WEB_PORTS: Final = (80, 443)
_GATEWAY_WORDS: Final = ("gateway", "ingress")


def listed(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Those of the kinds that are read as lists; what takes longest first."""
    wanted = frozenset(kinds)
    return tuple(kind for kind in dict.fromkeys((*BULKY, *LISTED_KINDS)) if kind in wanted)


def gateway_namespaces(services: Iterable[Object]) -> set[str]:
    """Where traffic enters, and istio-system: the namespaces of Services that the outside can reach (LoadBalancer or
    NodePort) on port 80 or 443, or with a label that speaks of a gateway or an ingress."""
    return {DEFAULT_ROOT_NAMESPACE, *(item.namespace for item in services if _is_entrance(item))}


def _is_entrance(service: Object) -> bool:
    if service.kind is not SERVICE or text_at(service.spec, "type") not in ("LoadBalancer", "NodePort"):
        return False
    if any(number_at(port, "port") in _WEB_PORTS for _, port in mappings_at(service.spec, "ports")):
        return True
    labels = " ".join(f"{key} {value}" for key, value in string_map(service.raw, "metadata", "labels").items()).lower()
    return any(word in labels for word in _GATEWAY_WORDS)
