"""Which proxies send to a port: gateways by their routes, sidecars by what names the host or shares its namespace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.policies._mentions import mentions_of
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.gateways import namespaces_of
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import Client, ClientKind
from grpcdoctor.cluster.kinds import DESTINATION_RULE, ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Entrance, RouteRule, routes, rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, workloads

_SIDECARS: Final = "sidecars in namespace {}"


@dataclass(frozen=True)
class Sender:
    """A proxy that sends to a port. `words`: `gateway istio-system/public`, `sidecars in namespace web`."""

    client: Client
    words: str
    subset: str = ""
    route: Object | None = None


def senders_to(cluster: Cluster, port: ServicePort | EntryPort, full: str = "") -> tuple[Sender, ...]:
    """Gateways first. `full` is the host; it may be left out for a Service's port."""
    full = full or (port.service.full_host if isinstance(port, ServicePort) else "")
    found = [*gateways_to(cluster, port), *_by_mentions(cluster, port), *_by_rules(cluster, full)]
    if isinstance(port, ServicePort):
        namespace = port.service.namespace
        if cluster.once(_meshed).get(namespace):
            found.append(Sender(Client(ClientKind.SIDECAR, namespace), _SIDECARS.format(namespace)))
    return tuple({(one.client, one.subset): one for one in reversed(found)}.values())[::-1]


def gateways_to(cluster: Cluster, port: ServicePort | EntryPort) -> Iterator[Sender]:
    """The Istio gateways whose HTTP routes lead there."""
    entries = cluster.once(_by_entry_port)
    for rule, backend in rules_to(cluster, port) if isinstance(port, ServicePort) else entries.get(_key(port), ()):
        for entrance in rule.entrances if rule.is_http else ():
            for client in _clients_of(cluster, entrance):
                yield Sender(client, f"gateway {entrance.object.full_name}", backend.subset, rule.object)


def _clients_of(cluster: Cluster, entrance: Entrance) -> Iterator[Client]:
    proxies = [workload for workload in entrance.workloads if workload.mesh is Mesh.GATEWAY]
    for proxy in proxies:
        yield Client(ClientKind.GATEWAY, proxy.namespace, tuple(proxy.labels.items()))
    if not entrance.workloads and entrance.object.kind is ISTIO_GATEWAY:
        for namespace in namespaces_of(cluster, entrance.object):
            yield Client(ClientKind.GATEWAY, namespace)


def _by_mentions(cluster: Cluster, port: ServicePort | EntryPort) -> Iterator[Sender]:
    for mention in mentions_of(cluster, port):
        workload = mention.workload
        if workload.mesh is Mesh.SIDECAR:
            yield Sender(client_of(workload), f"sidecar of {workload.object.title}")


def _by_rules(cluster: Cluster, full: str) -> Iterator[Sender]:
    """Namespaces with a DestinationRule for the host: there, somebody calls it."""
    for namespace in cluster.once(_rule_namespaces).get(full, ()):
        if cluster.once(_meshed).get(namespace, True):
            yield Sender(Client(ClientKind.SIDECAR, namespace), _SIDECARS.format(namespace))


def _meshed(cluster: Cluster) -> dict[str, bool]:
    """Namespaces of which workloads are shown -> whether one of these has a sidecar."""
    found: dict[str, bool] = {}
    for workload in workloads(cluster).items:
        found[workload.namespace] = found.get(workload.namespace, False) or workload.mesh is Mesh.SIDECAR
    return found


def client_of(workload: Workload) -> Client:
    """The sidecar of a workload."""
    return Client(ClientKind.SIDECAR, workload.namespace, tuple(workload.labels.items()))


def _rule_namespaces(cluster: Cluster) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {}
    for rule in cluster.all(DESTINATION_RULE):
        found.setdefault(host_of(rule), {})[rule.namespace] = None
    return found


def _key(port: EntryPort) -> tuple[int, int]:
    return id(port.entry), port.index


def _by_entry_port(cluster: Cluster) -> dict[tuple[int, int], list[tuple[RouteRule, Backend]]]:
    found: dict[tuple[int, int], list[tuple[RouteRule, Backend]]] = {}
    for rule in routes(cluster):
        for backend in rule.backends:
            if isinstance(backend.port, EntryPort):
                found.setdefault(_key(backend.port), []).append((rule, backend))
    return found
