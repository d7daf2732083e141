"""What a controller is to the rest: a record of functions, and the words in which they answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster

ANNOTATIONS: Final[FieldPath] = ("metadata", "annotations")
NEVER: Final = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Place:
    """A backend as a route object names it."""

    item: Object
    """The Ingress, IngressRoute, HTTPProxy, Mapping or VirtualServer."""
    path: FieldPath
    """Leads to the backend."""
    service: Service | None
    """None where it is not shown."""
    port: ServicePort | None
    name: str = ""
    """The Service's name, as written."""
    host: str = ""
    match: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Where a controller is told that a backend speaks gRPC."""

    object: Object
    path: FieldPath
    value: Any
    summary: str
    for_all: bool = False
    """It holds for every backend of the route object."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What a client meets where a route object's host comes in."""

    downstream: Spoken = Spoken.H2
    decision: Decision | None = None
    """Why HTTP/2 is not offered."""
    passes_tls: bool = False


UpstreamOf = Callable[[Cluster, Place], Upstream]
ToldOf = Callable[[Cluster, Place, bool], Told | None]
ListeningOf = Callable[[Cluster, Object], Listening]


def _no_field(_cluster: Cluster, _place: Place, _tls: bool) -> Told | None:
    return None


def _plain(_cluster: Cluster, _item: Object) -> Listening:
    return Listening()


@dataclass(frozen=True, slots=True)
class Controller:
    """One kind of ingress controller. All functions are pure."""

    platform: str
    title: str
    upstream: UpstreamOf
    """What it speaks to a backend, and which field decided."""
    told: ToldOf = _no_field
    """The field to set for a gRPC backend (with TLS or without); None where it has none."""
    listening: ListeningOf = _plain
    controller: re.Pattern[str] = NEVER
    """`spec.controller` of its IngressClasses."""
    classes: tuple[str, ...] = ()
    """Names that its installation gives to its class."""
    prefixes: tuple[str, ...] = ()
    """Annotations that nobody else reads."""
    image: re.Pattern[str] = NEVER
    """Of its pods."""
    config_maps: tuple[str, ...] = ()
    """What its installation calls its own ConfigMap."""
    regex: Callable[[Object], bool] = lambda _item: False
    """Whether it takes this Ingress's paths for regular expressions."""


def decided(spoken: Spoken, tls: Tls, decision: Decision) -> Upstream:
    """One field decided both the protocol and the TLS."""
    return Upstream(spoken, decision, tls, decision)


def by_default(title: str) -> Upstream:
    """HTTP/1.1 in plaintext, as most controllers do."""
    return Upstream(Spoken.HTTP1, Decision.by_default(title, "speaks HTTP/1.1 to backends"), Tls.NONE)


def unknown(reason: str) -> Upstream:
    return Upstream(Spoken.UNKNOWN, Decision(None, (), "", reason))


def not_shown(place: Place) -> Upstream:
    return unknown(f"Service {place.item.namespace}/{place.name} was not shown")


def annotation(item: Object, *names: str) -> tuple[str, str] | None:
    """(name, value) of the first of these annotations that is there and not empty."""
    return next(((name, item.annotations[name]) for name in names if item.annotations.get(name, "").strip()), None)


def annotated(item: Object, name: str, value: str, effect: str) -> Decision:
    return Decision.at(item, (*ANNOTATIONS, name), value, effect)
