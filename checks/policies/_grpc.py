"""The Service ports that gRPC is spoken on, and the workloads behind them: what rules about policies begin with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import texts_at
from grpcdoctor.cluster.intent import intent_of, says_grpc
from grpcdoctor.cluster.istio.hosts import find_host, ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort, entry_ports, protocol_of
from grpcdoctor.cluster.kinds import SERVICE_ENTRY
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload

_EXCLUDED: Final = "traffic.sidecar.istio.io/excludeInboundPorts"


@dataclass(frozen=True, eq=False)
class Served:
    """A gRPC Service port as one workload serves it. `number` is the port of the pod."""

    port: ServicePort
    workload: Workload
    number: int

    @property
    def title(self) -> str:
        return f"{self.port.service.title} port {self.port.number}"


def is_grpc(cluster: Cluster, port: ServicePort | EntryPort) -> bool:
    """gRPC by the hints, or declared as gRPC or HTTP/2 with no hint of an HTTP/1.1 server."""
    declared = protocol_of(port).protocol.is_http2
    if isinstance(port, EntryPort):
        web = port.name.lower().startswith("grpc-web")
        return declared or (says_grpc(port.name) and not web) or any(says_grpc(word) for word in _hosts(port))
    intent = intent_of(cluster, port)
    return intent.is_grpc or (declared and not intent.is_http1)


def grpc_ports(cluster: Cluster) -> tuple[ServicePort, ...]:
    """Of all Services."""
    return cluster.once(_grpc_ports)


def grpc_entry_ports(cluster: Cluster) -> Iterator[tuple[EntryPort, str]]:
    """(port, host) of the ServiceEntries; wildcard hosts are left out."""
    for entry in cluster.all(SERVICE_ENTRY):
        for port in entry_ports(entry):
            for host in _hosts(port):
                if is_grpc(cluster, port) and not host.startswith("*"):
                    yield port, host.lower()


def served(cluster: Cluster) -> dict[int, list[Served]]:
    """id of a workload -> the gRPC ports that it serves."""
    return cluster.once(_served)


def served_by(cluster: Cluster, workload: Workload) -> tuple[Served, ...]:
    return tuple(served(cluster).get(id(workload), ()))


def all_served(cluster: Cluster) -> Iterator[Served]:
    for found in served(cluster).values():
        yield from found


def host_is_grpc(cluster: Cluster, full: str) -> bool:
    """Some port of what is registered under this name speaks gRPC."""
    target = find_host(cluster, full)
    return target is not None and any(is_grpc(cluster, port) for port in ports_of(target))


def bypasses_sidecar(workload: Workload, number: int) -> bool:
    """Traffic to this port of the pod does not pass its sidecar."""
    words = (word.strip() for word in workload.annotations.get(_EXCLUDED, "").split(","))
    return str(number) in words


def _hosts(port: EntryPort) -> tuple[str, ...]:
    return texts_at(port.entry.raw, "spec", "hosts")


def _grpc_ports(cluster: Cluster) -> tuple[ServicePort, ...]:
    return tuple(port for service in services(cluster) for port in service.ports if is_grpc(cluster, port))


def _served(cluster: Cluster) -> dict[int, list[Served]]:
    found: dict[int, list[Served]] = {}
    for port in grpc_ports(cluster):
        for workload in port.service.workloads:
            number = port.number_in(workload)
            if number is not None:
                found.setdefault(id(workload), []).append(Served(port, workload, number))
    return found
