"""VirtualServices: their routes, matches and destinations, with the path of every part.

Source: istio pilot/pkg/networking/core/route/route.go, pilot/pkg/model/virtualservice.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, number_at, text_at, texts_at
from grpcdoctor.cluster.istio.hosts import full_host
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, VIRTUAL_SERVICE, Kind
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

VIRTUAL_SERVICE_KINDS: Final[tuple[Kind, ...]] = (VIRTUAL_SERVICE, ISTIO_GATEWAY)

MESH: Final = "mesh"
"""The word in `gateways` for all sidecars."""
SECTIONS: Final = ("http", "tls", "tcp")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a route (or a mirror) sends to."""

    host: str
    """As written."""
    full: str
    """The full host name that Istio makes of it."""
    port: int | None
    subset: str
    weight: int | None
    path: FieldPath
    """Leads to the `destination` itself."""


class VirtualRoute:
    """One route of one section of a VirtualService."""

    def __init__(self, service: Object, section: str, index: int, raw: dict[str, Any]) -> None:
        self.object, self.section, self.index, self.raw = service, section, index, raw

    def __repr__(self) -> str:
        return f"<{self.object.title} {self.section}[{self.index}]>"

    @property
    def path(self) -> FieldPath:
        return ("spec", self.section, self.index)

    @property
    def name(self) -> str:
        return text_at(self.raw, "name")

    @lazy
    def destinations(self) -> tuple[Destination, ...]:
        """With a weight of 0 too; one without a weight has all of it where it is alone."""
        return tuple(
            _destination(self.object, raw, (*self.path, "route", index, "destination"), number_at(raw, "weight"))
            for index, raw in mappings_at(self.raw, "route")
        )

    @lazy
    def mirrors(self) -> tuple[Destination, ...]:
        single = mapping_at(self.raw, "mirror")
        found = [_to(self.object, single, (*self.path, "mirror"), None)] if single else []
        found += [
            _destination(self.object, raw, (*self.path, "mirrors", index, "destination"), None)
            for index, raw in mappings_at(self.raw, "mirrors")
        ]
        return tuple(found)

    @property
    def matches(self) -> tuple[tuple[int, dict[str, Any]], ...]:
        """(index, match); none: everything matches."""
        return tuple(mappings_at(self.raw, "match"))

    @property
    def is_catch_all(self) -> bool:
        """No match at all, or one without conditions (a name or statPrefix is none)."""
        if not items_at(self.raw, "match"):
            return True
        return any(not set(raw) - {"name", "statPrefix", "gateways"} or _all_paths(raw) for _, raw in self.matches)


class VirtualService:
    """The view of one VirtualService."""

    def __init__(self, item: Object) -> None:
        self.object = item

    @lazy
    def hosts(self) -> tuple[str, ...]:
        """Full host names."""
        return tuple(full_host(host, self.object.namespace) for host in texts_at(self.object.raw, "spec", "hosts"))

    @lazy
    def gateway_names(self) -> tuple[str, ...]:
        """`mesh` or `namespace/name`; `mesh` alone where none is written."""
        written = texts_at(self.object.raw, "spec", "gateways")
        if not written:
            return () if self.is_delegate else (MESH,)
        return tuple(name if name == MESH or "/" in name else f"{self.object.namespace}/{name}" for name in written)

    @property
    def is_delegate(self) -> bool:
        """Without hosts it takes part only where another VirtualService delegates to it."""
        return not texts_at(self.object.raw, "spec", "hosts")

    @property
    def in_mesh(self) -> bool:
        return MESH in self.gateway_names

    @property
    def gateway_keys(self) -> tuple[tuple[str, str], ...]:
        """(namespace, name) of every Gateway named, found or not."""
        pairs = (name.partition("/") for name in self.gateway_names if name != MESH)
        return tuple((namespace, name) for namespace, _, name in pairs)

    @lazy
    def routes(self) -> tuple[VirtualRoute, ...]:
        """Of all sections, in their order."""
        return tuple(self._routes())

    @property
    def http(self) -> tuple[VirtualRoute, ...]:
        return tuple(route for route in self.routes if route.section == "http")

    @property
    def catch_all(self) -> VirtualRoute | None:
        """Its first HTTP route without a condition: it takes all that the ones before it leave, on every port."""
        return next((route for route in self.http if route.is_catch_all), None)

    def gateways(self, cluster: Cluster) -> tuple[Object, ...]:
        """Those of its Gateways that are there."""
        found = (cluster.get(ISTIO_GATEWAY, *key) for key in self.gateway_keys)
        return tuple(gateway for gateway in found if gateway is not None)

    def _routes(self) -> Iterator[VirtualRoute]:
        for section in SECTIONS:
            for index, raw in mappings_at(self.object.raw, "spec", section):
                yield VirtualRoute(self.object, section, index, raw)


def virtual_services(cluster: Cluster) -> tuple[VirtualService, ...]:
    return cluster.once(_virtual_services)


def delegates_of(cluster: Cluster, service: VirtualService) -> Iterator[tuple[VirtualRoute, VirtualService | None]]:
    """(route with `delegate`, the VirtualService it names or None)."""
    known = cluster.once(_by_name)
    for route in service.http:
        delegate = mapping_at(route.raw, "delegate")
        if delegate:
            key = (text_at(delegate, "namespace") or service.object.namespace, text_at(delegate, "name"))
            yield route, known.get(key)


def _by_name(cluster: Cluster) -> dict[tuple[str, str], VirtualService]:
    return {(one.object.namespace, one.object.name): one for one in virtual_services(cluster)}


def _virtual_services(cluster: Cluster) -> tuple[VirtualService, ...]:
    return tuple(VirtualService(item) for item in cluster.all(VIRTUAL_SERVICE))


def _destination(service: Object, raw: dict[str, Any], path: FieldPath, weight: int | None) -> Destination:
    return _to(service, mapping_at(raw, "destination"), path, weight)


def _to(service: Object, raw: dict[str, Any], path: FieldPath, weight: int | None) -> Destination:
    host = text_at(raw, "host")
    return Destination(
        host=host,
        full=full_host(host, service.namespace),
        port=number_at(raw, "port", "number"),
        subset=text_at(raw, "subset"),
        weight=weight,
        path=path,
    )


def _all_paths(raw: dict[str, Any]) -> bool:
    """A match on nothing but a path that every path begins with."""
    return not set(raw) - {"name", "statPrefix", "gateways", "uri"} and text_at(raw, "uri", "prefix") == "/"
