"""Which objects name a host, whether or not a request for it gets through them."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.cluster.fields import items_at, text_at
from grpcdoctor.cluster.istio.gateways import servers_of
from grpcdoctor.cluster.istio.hosts import covers, service_name_of
from grpcdoctor.cluster.istio.virtual_services import virtual_services
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import routes
from grpcdoctor.cluster.snapshot import Cluster


def claiming(cluster: Cluster, host: str) -> tuple[Object, ...]:
    """Gateways and routes for this host; those for every host (`*`) only where they are routes (or were to be)."""
    return tuple({id(item): item for item in _claiming(cluster, host)}.values())


def namespaces_concerned(cluster: Cluster, host: str) -> tuple[str, ...]:
    """The namespaces of the objects that claim a host, of the Services that they send to, and of the one it names."""
    named = service_named(host)
    found: dict[str, None] = {named[0]: None} if named is not None else {}
    for item in claiming(cluster, host):
        found[item.namespace] = None
        found.update(dict.fromkeys(_destinations(item.raw)))
    return tuple(found)


def service_named(host: str) -> tuple[str, str] | None:
    """(namespace, name) of the Service that callers inside the cluster mean, whether or not it exists."""
    return service_name_of(host.rstrip(".") + (".local" if host.endswith(".svc") else ""))


def _claiming(cluster: Cluster, host: str) -> Iterator[Object]:
    for gateway in cluster.all(ISTIO_GATEWAY):
        if any(own != "*" and covers(own, host) for server in servers_of(gateway) for _, own in server.hosts):
            yield gateway
    for service in virtual_services(cluster):
        if any(covers(own, host) for own in service.hosts) and service.gateway_keys:
            yield service.object
    for rule in routes(cluster):
        if any(covers(own, host) for own in rule.hosts):
            yield rule.object
            yield from (entrance.object for entrance in rule.entrances)
    named = service_named(host)
    known = cluster.get(SERVICE, *named) if named is not None else None
    if known is not None:  # callers inside the cluster, with or without a route for them
        yield known
    for item in cluster.strangers:  # of an apiVersion that nobody serves: it would have been a route
        hosts = (*items_at(item.spec, "hosts"), *items_at(item.spec, "hostnames"))
        if any(isinstance(own, str) and covers(own, host) for own in hosts):
            yield item


def _destinations(value: object) -> Iterator[str]:
    """The namespaces that a route names: of full Service hosts, and of references with a `namespace`."""
    if isinstance(value, list):
        for item in value:
            yield from _destinations(item)
    elif isinstance(value, dict):
        named = service_name_of(text_at(value, "host"))
        if named is not None:
            yield named[0]
        for reference in items_at(value, "backendRefs"):
            if text_at(reference, "namespace"):
                yield text_at(reference, "namespace")
        for item in value.values():
            yield from _destinations(item)
