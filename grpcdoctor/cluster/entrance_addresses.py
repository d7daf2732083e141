"""Where a host's entrance can be dialled, by the objects: load balancers, Gateway addresses, node ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import items_at, mappings_at, number_at, text_at, texts_at
from grpcdoctor.cluster.kinds import GATEWAY, INGRESS, NODE, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import paths_for
from grpcdoctor.cluster.routes import Entrance
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster

ADDRESS_KINDS: Final[tuple[Kind, ...]] = (NODE,)


@dataclass(frozen=True, slots=True)
class EntranceAddress:
    """One way in. `addresses` are IP addresses or host names, as the object's status has them."""

    object: Object
    addresses: tuple[str, ...]
    port: int
    """As clients dial it."""
    tls: bool
    pending: bool = False
    """An address was asked for and has not been given yet."""
    external: tuple[str, ...] = ()
    """Addresses that lead here too: spec.externalIPs, and node addresses with `node_port`."""
    node_port: int | None = None

    @property
    def dial(self) -> tuple[str, int] | None:
        """The address and port to dial; a node's where there is no load balancer's."""
        if self.addresses:
            return self.addresses[0], self.port
        if self.external:
            return self.external[0], self.node_port or self.port
        return None


def addresses_for(cluster: Cluster, host: str, gateway: str | None = None) -> tuple[EntranceAddress, ...]:
    """The ways in for this host, those with TLS first; with `gateway` (`namespace/name`) only those of that object."""
    entrances = [path.entrance for path in paths_for(cluster, host) if path.entrance is not None]
    if gateway is not None:
        entrances = [e for e in entrances if gateway in (e.object.full_name, *(s.object.full_name for s in e.services))]
    unique = {(id(e.object), e.port): e for e in entrances}
    found = [address for entrance in unique.values() for address in _of(cluster, entrance)]
    if gateway is not None and not any(e.object.full_name == gateway for e in entrances):  # it names a Service
        found = [address for address in found if address.object.full_name == gateway]
    return tuple(sorted(found, key=lambda address: (not address.tls, address.pending, address.port)))


def _of(cluster: Cluster, entrance: Entrance) -> Iterator[EntranceAddress]:
    port = entrance.port or (443 if entrance.terminates_tls else 80)
    tls = entrance.terminates_tls or entrance.passes_tls
    if entrance.object.kind is GATEWAY:
        values = (text_at(raw, "value") for _, raw in mappings_at(entrance.object.raw, "status", "addresses"))
        given = tuple(filter(None, values))
        yield EntranceAddress(entrance.object, given, port, tls, pending=not given and _has_status(entrance.object))
        return
    if entrance.object.kind is INGRESS:
        given = _balancer(entrance.object)
        yield EntranceAddress(entrance.object, given, port, tls, pending=not given and _has_status(entrance.object))
        return
    for service in entrance.services:
        yield _of_service(cluster, service, port, tls)


def _of_service(cluster: Cluster, service: Service, listener: int, tls: bool) -> EntranceAddress:
    port = port_in_front(service, listener)
    given = _balancer(service.object)
    node_port = number_at(port.raw, "nodePort") if port is not None else None
    nodes = tuple(_node_addresses(cluster)) if node_port is not None and not given else ()
    external = texts_at(service.object.raw, "spec", "externalIPs")
    number = port.number if port is not None else listener
    return EntranceAddress(
        service.object,
        given,
        number,
        tls,
        pending=service.type == "LoadBalancer" and not given and _has_status(service.object),
        external=external or nodes,
        node_port=None if external else node_port,
    )


def port_in_front(service: Service, listener: int) -> ServicePort | None:
    """The port of the Service in front of a gateway: the one whose number or target the listener is."""
    by_number = next((port for port in service.ports if port.number == listener), None)
    return by_number or next((port for port in service.ports if port.target == listener), None)


def _balancer(item: Object) -> tuple[str, ...]:
    entries = mappings_at(item.raw, "status", "loadBalancer", "ingress")
    return tuple(filter(None, (text_at(raw, "ip") or text_at(raw, "hostname") for _, raw in entries)))


def _has_status(item: Object) -> bool:
    """A manifest has none, and nothing can be pending there."""
    return "status" in item.raw


def _node_addresses(cluster: Cluster) -> Iterable[str]:
    """External addresses of nodes, else internal ones."""
    for wanted in ("ExternalIP", "InternalIP"):
        found = [
            text_at(address, "address")
            for node in cluster.all(NODE)
            for address in items_at(node.raw, "status", "addresses")
            if text_at(address, "type") == wanted
        ]
        if found:
            return found
    return ()
