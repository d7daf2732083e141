"""What rules about VirtualServices share: which proxies use one, and its parts as the client sees them."""

from __future__ import annotations

from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of
from grpcdoctor.cluster.istio.hosts import service_name_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind
from grpcdoctor.cluster.istio.virtual_services import VirtualService, delegates_of, virtual_services
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import RouteRule, routes
from grpcdoctor.cluster.services import Service, find_service
from grpcdoctor.cluster.snapshot import Cluster


def rules_of(cluster: Cluster, item: Object) -> tuple[RouteRule, ...]:
    """The routes of this object."""
    return tuple(cluster.once(_by_object).get(id(item), ()))


def clients_of(cluster: Cluster, virtual: VirtualService) -> tuple[Client, ...]:
    """The proxies that use it, as far as they are known: its gateways, and the sidecars of its own namespace."""
    roots = cluster.once(_roots).get(id(virtual.object), [virtual])
    found: list[Client] = []
    for root in roots:
        for gateway in root.gateways(cluster):
            pods = pods_of(cluster, gateway)
            labels = tuple(pods[0].labels.items()) if pods else ()
            found += [Client(ClientKind.GATEWAY, namespace, labels) for namespace in namespaces_of(cluster, gateway)]
        if root.in_mesh or not found:
            kind = ClientKind.SIDECAR if root.in_mesh else ClientKind.GATEWAY
            found.append(Client(kind, root.object.namespace))
    return tuple(dict.fromkeys(found))


def service_of_host(cluster: Cluster, host: str) -> Service | None:
    """The Service whose own name this host is."""
    named = service_name_of(host)
    return find_service(cluster, *named) if named is not None else None


def is_delegated_to(cluster: Cluster, virtual: VirtualService) -> bool:
    return id(virtual.object) in cluster.once(_roots)


def _roots(cluster: Cluster) -> dict[int, list[VirtualService]]:
    """id of every VirtualService's object that others delegate to -> those others."""
    found: dict[int, list[VirtualService]] = {}
    for virtual in virtual_services(cluster):
        for _, delegate in delegates_of(cluster, virtual):
            if delegate is not None:
                found.setdefault(id(delegate.object), []).append(virtual)
    return found


def _by_object(cluster: Cluster) -> dict[int, list[RouteRule]]:
    found: dict[int, list[RouteRule]] = {}
    for rule in routes(cluster):
        found.setdefault(id(rule.object), []).append(rule)
    return found
