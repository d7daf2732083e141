"""Service: its ports, the workloads that it selects, the endpoints behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from grpcdoctor.cluster.fields import FieldPath, at, items_at, mappings_at, number_at, string_map, text_at
from grpcdoctor.cluster.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE, Kind
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import DEFAULT_DOMAIN, Cluster
from grpcdoctor.cluster.workloads import WORKLOAD_KINDS, Container, Workload, workloads

SERVICE_KINDS: Final[tuple[Kind, ...]] = (SERVICE, *WORKLOAD_KINDS, NAMESPACE)
"""The kinds that a rule reads when it asks for Services and what they select."""


@dataclass(frozen=True, eq=False)
class ServicePort:
    """One of `spec.ports`."""

    service: Service
    index: int
    raw: dict[str, Any]
    number: int
    name: str
    app_protocol: str | None
    """None where the field is absent; an empty string counts as absent, too."""
    protocol: str
    """TCP, UDP or SCTP."""

    @property
    def path(self) -> FieldPath:
        return ("spec", "ports", self.index)

    @lazy
    def target(self) -> int | str:
        """`targetPort`: a number or a container port's name; the port's own number where it is absent."""
        named = at(self.raw, "targetPort")
        if isinstance(named, str) and named:
            return int(named) if named.isascii() and named.isdigit() else named
        return named if isinstance(named, int) and named > 0 else self.number

    @property
    def title(self) -> str:
        """`prod/greeter:50051`."""
        return f"{self.service.object.full_name}:{self.number}"

    def number_in(self, workload: Workload) -> int | None:
        """The port that the workload listens on; None where it has no container port of that name."""
        if isinstance(self.target, int):
            return self.target
        return next((port.number for port in workload.ports if port.name == self.target), None)

    @lazy
    def target_numbers(self) -> tuple[int, ...]:
        """The ports that the selected workloads listen on; mostly one."""
        if isinstance(self.target, int):
            return (self.target,)
        found = (self.number_in(workload) for workload in self.service.distinct_workloads)
        return tuple(dict.fromkeys(number for number in found if number is not None))

    def containers(self) -> Iterator[tuple[Workload, Container, int]]:
        """(workload, the container that serves this port, the port there), for one of the replicas of each owner."""
        for workload in self.service.distinct_workloads:
            number = self.number_in(workload)
            container = workload.container_of_port(number) if number is not None else None
            if number is not None and container is not None:
                yield workload, container, number


class Endpoint(NamedTuple):
    """One address in an EndpointSlice. `ready` follows the API: absent means ready."""

    addresses: tuple[str, ...]
    ready: bool
    serving: bool
    pod: str
    """The pod's name; empty where it is none."""
    node: str
    slice: Object


class Service:
    """The view of one Service in its cluster."""

    def __init__(self, item: Object, cluster: Cluster) -> None:
        self.object = item
        self._cluster = cluster

    def __repr__(self) -> str:
        return f"<{self.object.title}>"

    @property
    def name(self) -> str:
        return self.object.name

    @property
    def namespace(self) -> str:
        return self.object.namespace

    @property
    def title(self) -> str:
        return self.object.title

    @lazy
    def full_host(self) -> str:
        """`greeter.prod.svc.cluster.local`: with the default domain, whatever the cluster's own is."""
        return f"{self.name}.{self.namespace}.svc.{DEFAULT_DOMAIN}".lower()

    @property
    def type(self) -> str:
        return text_at(self.object.raw, "spec", "type") or "ClusterIP"

    @property
    def is_headless(self) -> bool:
        return text_at(self.object.raw, "spec", "clusterIP") == "None"

    @property
    def external_name(self) -> str:
        return text_at(self.object.raw, "spec", "externalName") if self.type == "ExternalName" else ""

    @lazy
    def selector(self) -> dict[str, str]:
        return string_map(self.object.raw, "spec", "selector")

    @lazy
    def ports(self) -> tuple[ServicePort, ...]:
        return tuple(
            ServicePort(
                service=self,
                index=index,
                raw=raw,
                number=number,
                name=text_at(raw, "name"),
                app_protocol=text_at(raw, "appProtocol") or None,
                protocol=(text_at(raw, "protocol") or "TCP").upper(),
            )
            for index, raw in mappings_at(self.object.raw, "spec", "ports")
            if (number := number_at(raw, "port")) is not None
        )

    def port(self, which: int | str) -> ServicePort | None:
        """By number, or by name."""
        return next((port for port in self.ports if which in (port.number, port.name)), None)

    @lazy
    def workloads(self) -> tuple[Workload, ...]:
        """What its selector selects; nothing where it has none."""
        return workloads(self._cluster).select(self.selector, self.namespace) if self.selector else ()

    @lazy
    def distinct_workloads(self) -> tuple[Workload, ...]:
        """One of the replicas of each owner: their containers, ports and labels are alike. For what differs from pod to
        pod (readiness, a sidecar that was injected later) look at `workloads`."""
        return tuple({workload.owner_key: workload for workload in reversed(self.workloads)}.values())

    @lazy
    def endpoints(self) -> tuple[Endpoint, ...] | None:
        """From its EndpointSlices; None where none is shown (which need not mean that there is none)."""
        slices = self._cluster.once(_slices).get((self.namespace, self.name))
        if slices is None:
            return () if self._cluster.has_all(ENDPOINT_SLICE, self.namespace) else None
        return tuple(endpoint for item in slices for endpoint in _endpoints(item))

    @property
    def has_ready_endpoint(self) -> bool | None:
        """None where neither slices nor pods with a status tell."""
        if self.endpoints:
            return any(endpoint.ready for endpoint in self.endpoints)
        states = [workload.is_ready for workload in self.workloads]
        known = [state for state in states if state is not None]
        if self.endpoints is not None and (known or not states):
            return False
        return any(known) if known and len(known) == len(states) else None


def services(cluster: Cluster) -> tuple[Service, ...]:
    return tuple(cluster.once(_services).values())


def find_service(cluster: Cluster, namespace: str, name: str) -> Service | None:
    return cluster.once(_services).get((namespace, name))


def services_selecting(cluster: Cluster, workload: Workload) -> tuple[Service, ...]:
    """The Services whose selector selects this workload."""
    return tuple(cluster.once(_services_by_workload).get(id(workload), ()))


def _services(cluster: Cluster) -> dict[tuple[str, str], Service]:
    return {(item.namespace, item.name): Service(item, cluster) for item in cluster.all(SERVICE)}


def _services_by_workload(cluster: Cluster) -> dict[int, list[Service]]:
    found: dict[int, list[Service]] = {}
    for service in services(cluster):
        for workload in service.workloads:
            found.setdefault(id(workload), []).append(service)
    return found


def _slices(cluster: Cluster) -> dict[tuple[str, str], list[Object]]:
    found: dict[tuple[str, str], list[Object]] = {}
    for item in cluster.all(ENDPOINT_SLICE):
        found.setdefault((item.namespace, item.labels.get("kubernetes.io/service-name", "")), []).append(item)
    return found


def _endpoints(item: Object) -> Iterator[Endpoint]:
    for _, raw in mappings_at(item.raw, "endpoints"):
        ready = at(raw, "conditions", "ready")
        serving = at(raw, "conditions", "serving")
        yield Endpoint(
            addresses=tuple(str(address) for address in items_at(raw, "addresses")),
            ready=ready is not False,
            serving=(serving if isinstance(serving, bool) else ready is not False),
            pod=text_at(raw, "targetRef", "name") if text_at(raw, "targetRef", "kind") == "Pod" else "",
            node=text_at(raw, "nodeName"),
            slice=item,
        )
