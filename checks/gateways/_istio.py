"""What the rules about Istio's Gateways share: who uses a server, for gRPC or not, and where it really listens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.gateways import (
    Server,
    namespaces_of,
    pods_of,
    selector_of,
    servers_of,
    servers_with,
    services_of,
)  # fmt: skip
from grpcdoctor.cluster.istio.hosts import visible_from
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.virtual_services import VirtualService, delegates_of, virtual_services
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, VIRTUAL_SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence
from grpcdoctor.model.rule import Severity

_GRPC_PROTOCOLS: Final = (Protocol.GRPC, Protocol.GRPC_WEB)
_MOST_PROOF: Final = 2
RESET: Final = "Clients get UNAVAILABLE (14): the connection is reset, or the TLS handshake fails."


@dataclass(frozen=True, eq=False)
class Use:
    """A server of a Gateway with the VirtualServices that it is used by."""

    server: Server
    virtuals: tuple[VirtualService, ...]
    """Those that name the Gateway and share a host with the server, whatever their routes."""
    grpc: tuple[VirtualService, ...]
    """Those of them that carry gRPC."""
    proof: tuple[Evidence, ...]
    """Why it is for gRPC; nothing where no object says so."""
    severity: Severity | None
    """How bad it is if this server does not work; None where nothing says that gRPC is concerned."""

    @property
    def gateway(self) -> Object:
        return self.server.gateway

    @property
    def related(self) -> tuple[Object, ...]:
        return tuple(virtual.object for virtual in self.grpc)

    @property
    def title(self) -> str:
        return f"{self.gateway.title} port {self.server.port}"


def uses(cluster: Cluster) -> tuple[Use, ...]:
    """Every server of every Gateway."""
    return cluster.once(_uses)


def uses_of(cluster: Cluster, gateway: Object) -> tuple[Use, ...]:
    return tuple(cluster.once(_by_gateway).get(id(gateway), ()))


def worst(found: Iterable[Use]) -> Severity | None:
    """How bad it is if none of these servers works."""
    severities = {use.severity for use in found}
    return next((each for each in (Severity.ERROR, Severity.WARNING) if each in severities), None)


def proof_of(cluster: Cluster, virtual: VirtualService) -> tuple[Evidence, ...]:
    """Why a VirtualService carries gRPC, by its own routes and those that it delegates to."""
    cache: dict[int, tuple[Evidence, ...]] = cluster.once(_no_proof_yet)
    if id(virtual) not in cache:
        parts = [virtual, *(one for _, one in delegates_of(cluster, virtual) if one is not None)]
        found = (
            proof for part in parts for rule in rules_of(cluster, part.object) for proof in grpc_proof(cluster, rule)
        )
        cache[id(virtual)] = tuple(dict.fromkeys(found))[:_MOST_PROOF]
    return cache[id(virtual)]


def stranded(cluster: Cluster, use: Use) -> tuple[VirtualService, ...]:
    """Those whose `http` routes for gRPC come in at this server, which reads no HTTP, and are not served otherwise."""
    return tuple(
        virtual
        for virtual in use.grpc
        if virtual.http
        and not virtual.in_mesh
        and len(virtual.gateways(cluster)) == len(virtual.gateway_keys)
        and not _is_served(cluster, use, virtual)
    )


def _is_served(cluster: Cluster, use: Use, virtual: VirtualService) -> bool:
    """Another of its servers reads HTTP, so that this one may be there for something else.

    A server with TLS for just its hosts is not: plaintext elsewhere does not replace it.
    """
    server = use.server
    others = [other.server for other in uses_by(cluster, virtual)]
    reading = [other for other in others if other.is_http and not other.redirects_to_https]
    meant = server.tls_mode and all(host in virtual.hosts for _, host in server.hosts)
    if meant and (server.terminates_tls or cluster.has_all(VIRTUAL_SERVICE)):
        return any(other.terminates_tls for other in reading)
    return bool(reading)


def uses_by(cluster: Cluster, virtual: VirtualService) -> tuple[Use, ...]:
    """The servers that a VirtualService comes in at."""
    return tuple(cluster.once(_by_virtual).get(id(virtual), ()))


def listening_port(cluster: Cluster, server: Server) -> int | None:
    """The port that Envoy opens: the target of the Service port of that number, else the number itself."""
    for service in services_of(cluster, server.gateway):
        for port in service.ports:
            if port.number == server.port and port.protocol == "TCP" and port.target_numbers:
                return port.target_numbers[0]
    return server.port


def pod_groups(cluster: Cluster, gateway: Object) -> tuple[object, ...]:
    """What stands for the pods that serve a Gateway: their labels, or its selector where no pod is shown."""
    pods = pods_of(cluster, gateway)
    if not pods:
        return (frozenset(selector_of(gateway).items()),)
    labels = ((pod.namespace, frozenset((k, v) for k, v in pod.labels.items() if k not in _PER_POD)) for pod in pods)
    return tuple(dict.fromkeys(labels))


_PER_POD: Final = (
    "pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
)  # fmt: skip


def slots(cluster: Cluster) -> tuple[tuple[Use, ...], ...]:
    """The servers that meet on one port of the same pods, in the order that Istio merges them; of several only."""
    return cluster.once(_slots)


def later_one(one: Server, other: Server) -> Server | None:
    """The one that Istio merges last: of the newer Gateway. None where nothing tells which that is."""
    if one.gateway is other.gateway:
        return max(one, other, key=lambda server: server.index)
    if not one.gateway.created_at or not other.gateway.created_at:
        return None
    return max(one, other, key=lambda server: _age(server.gateway))


def _slots(cluster: Cluster) -> tuple[tuple[Use, ...], ...]:
    found: dict[object, dict[int, Use]] = {}
    for use in uses(cluster):
        port = listening_port(cluster, use.server)
        for group in pod_groups(cluster, use.gateway) if port else ():
            found.setdefault((group, port, use.server.bind), {})[id(use)] = use
    several = [tuple(slot.values()) for slot in found.values() if len(slot) > 1]
    ordered = (sorted(slot, key=lambda use: _age(use.gateway)) for slot in several)
    return tuple(dict.fromkeys(tuple(slot) for slot in ordered))


def _age(gateway: Object) -> tuple[str, str, str]:
    """Sorts Gateways as Istio does (pilot/pkg/model/config.go sortConfigByCreationTime); a manifest is the newest."""
    created = gateway.created_at
    return (created, gateway.name, gateway.namespace) if created else ("~", "", "")


def _uses(cluster: Cluster) -> tuple[Use, ...]:
    bound = cluster.once(_bound)
    whole = cluster.has_all(VIRTUAL_SERVICE)
    return tuple(
        _use(cluster, server, tuple(bound.get((id(gateway), server.index), ())), whole)
        for gateway in cluster.all(ISTIO_GATEWAY)
        for server in servers_of(gateway)
    )


def _use(cluster: Cluster, server: Server, virtuals: tuple[VirtualService, ...], whole: bool) -> Use:
    grpc = tuple(virtual for virtual in virtuals if proof_of(cluster, virtual))
    proof = [*(found for virtual in grpc[:1] for found in proof_of(cluster, virtual)), *_own_words(server)]
    if proof:
        severity: Severity | None = Severity.ERROR
    else:  # with no route in sight nothing says that it is not for gRPC
        severity = None if virtuals or whole else Severity.WARNING
    return Use(server, virtuals, grpc, tuple(proof[:_MOST_PROOF]), severity)


def _own_words(server: Server) -> Iterator[Evidence]:
    if server.protocol in _GRPC_PROTOCOLS:
        yield seen(server.gateway, (*server.path, "port", "protocol"))
    elif says_grpc(server.port_name):
        yield seen(server.gateway, (*server.path, "port", "name"))
    elif any(says_grpc(host.split(".")[0]) for _, host in server.hosts):
        yield seen(server.gateway, (*server.path, "hosts"))


def _bound(cluster: Cluster) -> dict[tuple[int, int], list[VirtualService]]:
    """(id of the Gateway, index of its server) -> the VirtualServices that come in there."""
    found: dict[tuple[int, int], list[VirtualService]] = {}
    for virtual in virtual_services(cluster):
        for gateway in dict.fromkeys(virtual.gateways(cluster)):
            if not any(visible_from(virtual.object, namespace) for namespace in namespaces_of(cluster, gateway)):
                continue
            for server in servers_with(cluster, gateway, virtual.hosts):
                if any(server.host_for(host, virtual.object.namespace) for host in virtual.hosts):
                    found.setdefault((id(gateway), server.index), []).append(virtual)
    return found


def _by_gateway(cluster: Cluster) -> dict[int, list[Use]]:
    found: dict[int, list[Use]] = {}
    for use in uses(cluster):
        found.setdefault(id(use.gateway), []).append(use)
    return found


def _by_virtual(cluster: Cluster) -> dict[int, list[Use]]:
    found: dict[int, list[Use]] = {}
    for use in uses(cluster):
        for virtual in use.virtuals:
            found.setdefault(id(virtual), []).append(use)
    return found


def _no_proof_yet(_cluster: Cluster) -> dict[int, tuple[Evidence, ...]]:
    return {}




def port_name_for(server: Server, protocol: str, gateway: Object) -> str:
    """A name that no other server of the Gateway has."""
    taken = {other.port_name for other in servers_of(gateway) if other.index != server.index}
    base = f"{(protocol or 'port').lower()}-{server.port}"
    numbers = range(2, len(items_at(gateway.raw, "spec", "servers")) + 2)
    return base if base not in taken else next(f"{base}-{n}" for n in numbers if f"{base}-{n}" not in taken)
