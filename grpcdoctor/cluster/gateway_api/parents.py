"""parentRefs: which listeners take a route, and why the others refuse it.

Source: the Gateway API's specification, sections ParentReference and "Hostname intersection".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mappings_at, number_at, text_at, texts_at
from grpcdoctor.cluster.gateway_api.listeners import GROUP, LISTENER_KINDS, Listener, listeners_of
from grpcdoctor.cluster.kinds import GATEWAY, GRPC_ROUTE, HTTP_ROUTE, TLS_ROUTE, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

API_ROUTE_KINDS: Final[tuple[Kind, ...]] = (GRPC_ROUTE, HTTP_ROUTE, TLS_ROUTE)
PARENT_KINDS: Final[tuple[Kind, ...]] = (*API_ROUTE_KINDS, *LISTENER_KINDS)


class Refusal:
    """Why a listener does not take a route."""

    KIND: Final = "kind"
    NAMESPACE: Final = "namespace"
    HOSTNAME: Final = "hostname"


@dataclass(frozen=True, eq=False)
class ParentRef:
    """One of a route's `spec.parentRefs`."""

    route: Object
    index: int
    raw: dict[str, Any]

    @property
    def path(self) -> FieldPath:
        return ("spec", "parentRefs", self.index)

    @property
    def kind(self) -> str:
        return text_at(self.raw, "kind") or GATEWAY.name

    @property
    def group(self) -> str:
        """A group that is written as "" is the core group."""
        return text_at(self.raw, "group") if "group" in self.raw else GROUP

    @property
    def namespace(self) -> str:
        return text_at(self.raw, "namespace") or self.route.namespace

    @property
    def name(self) -> str:
        return text_at(self.raw, "name")

    @property
    def section(self) -> str:
        return text_at(self.raw, "sectionName")

    @property
    def port(self) -> int | None:
        return number_at(self.raw, "port")

    @property
    def is_gateway(self) -> bool:
        return self.kind == GATEWAY.name and self.group == GROUP

    @property
    def is_service(self) -> bool:
        """GAMMA: the route is for clients in the mesh that call this Service."""
        return self.kind == "Service" and self.group in ("", "core")

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A listener that takes the route, and the hosts that it takes there (none: every host)."""

    listener: Listener
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """What became of one parentRef to a Gateway that is shown."""

    parent: ParentRef
    gateway: Object
    taken: tuple[Taken, ...]
    refused: tuple[tuple[Listener, str], ...]
    """(listener, one of Refusal) of those that the parentRef names."""

    @property
    def names_no_listener(self) -> bool:
        """No listener has its sectionName and port."""
        return not self.taken and not self.refused


def api_routes(cluster: Cluster) -> Iterator[Object]:
    for kind in API_ROUTE_KINDS:
        yield from cluster.all(kind)


def parents_of(route: Object) -> tuple[ParentRef, ...]:
    return tuple(ParentRef(route, index, raw) for index, raw in mappings_at(route.raw, "spec", "parentRefs"))


def hostnames_of(route: Object) -> tuple[str, ...]:
    return tuple(host.lower() for host in texts_at(route.raw, "spec", "hostnames"))


def gateway_of(cluster: Cluster, parent: ParentRef) -> Object | None:
    return cluster.get(GATEWAY, parent.namespace, parent.name) if parent.is_gateway else None


def attachments(cluster: Cluster, route: Object) -> tuple[Attachment, ...]:
    """Of every parentRef to a Gateway that is shown."""
    return cluster.once(_attachments).get(id(route), ())


def _attachments(cluster: Cluster) -> dict[int, tuple[Attachment, ...]]:
    return {id(route): tuple(_attach(cluster, route)) for route in api_routes(cluster)}


def _attach(cluster: Cluster, route: Object) -> Iterator[Attachment]:
    hostnames = hostnames_of(route)
    for parent in parents_of(route):
        gateway = gateway_of(cluster, parent)
        if gateway is None:
            continue
        taken: list[Taken] = []
        refused: list[tuple[Listener, str]] = []
        for listener in listeners_of(gateway):
            if not _is_named(parent, listener):
                continue
            hosts = listener.hosts_for(hostnames)
            if not listener.takes_kind(route.kind):
                refused.append((listener, Refusal.KIND))
            elif listener.takes_namespace(cluster, route.namespace) is False:
                refused.append((listener, Refusal.NAMESPACE))
            elif hosts is None:
                refused.append((listener, Refusal.HOSTNAME))
            else:
                taken.append(Taken(listener, hosts))
        yield Attachment(parent, gateway, tuple(taken), tuple(refused))


def _is_named(parent: ParentRef, listener: Listener) -> bool:
    return (not parent.section or parent.section == listener.name) and parent.port in (None, listener.port)
