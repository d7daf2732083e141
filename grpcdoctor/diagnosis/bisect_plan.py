"""Which hops there are to be asked, and how: the ones that the user gives, or by the objects of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.cluster.entrance_addresses import port_in_front
from grpcdoctor.cluster.fields import dotted, text_at
from grpcdoctor.cluster.hops import Tls
from grpcdoctor.cluster.paths import Path, paths_for
from grpcdoctor.cluster.routes import Backend, Entrance
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.target import Target, join_host_port

MOST_PODS: Final = 50
"""Of one Service; a Service has as many causes as it has templates, and mostly one."""

_GATEWAY_SERVICE, _GATEWAY_POD, _BACKEND, _BACKEND_POD = 1, 2, 3, 4
_OUTSIDE: Final = "its cluster IP {} does not answer from here, outside of the cluster; its pods are asked instead"
_STRANGER: Final = (
    "what answers at its cluster IP {} from here, outside of the cluster, may be another; its pods are asked instead"
)
_MESHED: Final = (
    "it does not answer this request, which came without the mesh's mTLS, as no request of the mesh does; its pods tell"
)


@dataclass(frozen=True, slots=True)
class PlannedHop:
    """One hop to be asked. `target` says what for; a pod is dialled through a port-forward."""

    level: int
    role: str
    name: str
    target: Target | None = None
    """None: it cannot be asked, see `unseen`."""
    pod: tuple[str, str, int] | None = None
    """Namespace, name, port."""
    tls_known: bool = True
    """Otherwise the other one is tried, too."""
    verify: bool = True
    """False: nobody verifies the certificate there (Envoy does not, unless it is told to)."""
    unreachable: str = ""
    """What it means if nothing answers there at all, where that proves nothing."""
    refused: str = ""
    """What a failure of any kind means, where it proves nothing."""
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The hops behind the target itself, and what was left out."""

    hops: tuple[PlannedHop, ...]
    notes: tuple[str, ...] = ()
    outermost: str = "target"
    """What the target itself is."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """In which there are pods to be reached."""
        return tuple(dict.fromkeys(hop.pod[0] for hop in self.hops if hop.pod is not None))


def given_hops(target: Target, words: Sequence[Target]) -> Plan:
    """The addresses that the user gives, asked in the target's name. A scheme of an address's own decides its TLS."""
    hops = []
    for level, given in enumerate(words, 1):
        port = given.port if given.port_given or given.unix_path is not None else target.port
        tls = given.tls if given.scheme_given else target.tls
        asked = _in_the_name_of(target, replace(given, port=port, port_given=True, tls=tls))
        hops.append(PlannedHop(level, "hop", asked.endpoint, asked, tls_known=given.scheme_given))
    return Plan(tuple(hops))


def cluster_hops(
    cluster: Cluster, host: str, target: Target, call: str | None, gateway: str | None, inside: bool
) -> Plan:
    """The way of the target's requests by the objects. `inside`: we run in the cluster, so its addresses are ours."""
    path = _chosen(cluster, host, target, call, gateway)
    if path is None:
        return Plan(())
    hops = [*_entrance_hops(path.entrance, target, inside)] if path.entrance is not None else []
    backends = [backend for backend in path.rule.backends if backend.weight != 0]
    for backend in backends:
        hops += _backend_hops(path, backend, target, inside)
    outermost = "public address" if path.entrance is not None else "address"
    return Plan(tuple(hops), (*_other_ways(cluster, host, path), *_left_out(hops)), outermost)


def _other_ways(cluster: Cluster, host: str, path: Path) -> Iterator[str]:
    """What was not followed: a bisection is of one way."""
    own = (path.rule.object.title, path.rule.path)
    others = {(other.rule.object.title, other.rule.path) for other in paths_for(cluster, host)} - {own}
    if others:
        way = f"{path.rule.object.title} {dotted(path.rule.path)}".strip()
        more = f"{len(others)} other route{'s' if len(others) > 1 else ''}"
        yield f"only the way by {way} was followed, and not by {more} of this host; --call chooses a method's"


def _chosen(cluster: Cluster, host: str, target: Target, call: str | None, gateway: str | None) -> Path | None:
    """The path that takes the call, from the entrance that the target means."""
    candidates = list(paths_for(cluster, host))
    if gateway is not None:
        candidates = [path for path in candidates if path.entrance is not None and _is(path.entrance, gateway)]

    def rank(path: Path) -> tuple[bool, bool, bool, bool]:
        entrance = path.entrance
        tls = entrance is not None and (entrance.terminates_tls or entrance.passes_tls)
        return not _takes(path, call), entrance is None, tls is not target.tls, not path.is_grpc

    return min(candidates, key=rank, default=None)


def _is(entrance: Entrance, name: str) -> bool:
    return name in (entrance.object.full_name, *(service.object.full_name for service in entrance.services))


def _takes(path: Path, call: str | None) -> bool:
    matches = path.rule.matches
    return call is None or not matches or any(match.takes(f"/{call}") for match in matches)


def _entrance_hops(entrance: Entrance, target: Target, inside: bool) -> Iterator[PlannedHop]:
    """The gateway's Service, then its pods."""
    listener = entrance.port or (443 if target.tls else 80)
    tls = entrance.terminates_tls or entrance.passes_tls
    service = entrance.services[0] if entrance.services else None
    port = port_in_front(service, listener) if service is not None else None
    if service is not None and port is not None:
        yield from _service_hop(_GATEWAY_SERVICE, "gateway Service", service, port, replace(target, tls=tls), inside)
    pods = _ready_pods(service, entrance.workloads)
    for pod in pods[:MOST_PODS]:
        number = port.number_in(pod) if port is not None else listener
        yield _pod_hop(_GATEWAY_POD, "gateway pod", pod, number, replace(target, tls=tls))
    if not pods:
        yield _no_pods(_GATEWAY_POD, "gateway pod", f"of {entrance.title}", entrance.workloads)


def _backend_hops(path: Path, backend: Backend, target: Target, inside: bool) -> Iterator[PlannedHop]:
    """The Service of the application, then its pods."""
    passed = path.entrance is not None and path.entrance.passes_tls
    tls = backend.upstream.tls
    over_tls = passed or tls in (Tls.SIMPLE, Tls.MUTUAL)
    inner = replace(target, tls=over_tls)
    known = passed or tls is not Tls.UNKNOWN
    service, port = backend.service, backend.port
    if service is None or not isinstance(port, ServicePort):
        why = "it is no Service with such a port in this cluster, as far as it was shown"
        yield PlannedHop(_BACKEND, "backend", backend.title, unseen=why)
        return
    found = [*_service_hop(_BACKEND, "backend Service", service, port, inner, inside)]
    pods = _ready_pods(service, service.workloads)
    found += [_pod_hop(_BACKEND_POD, "backend pod", pod, port.number_in(pod), inner) for pod in pods[:MOST_PODS]]
    if not pods and not service.external_name:
        found.append(_no_pods(_BACKEND_POD, "backend pod", f"of {service.title}", service.workloads))
    for hop in found:
        yield replace(hop, tls_known=known, verify=passed)


def _service_hop(
    level: int, role: str, service: Service, port: ServicePort, target: Target, inside: bool
) -> Iterator[PlannedHop]:
    """None for a headless Service: it has no address of its own, and clients go to its pods."""
    address = service.external_name or text_at(service.object.raw, "spec", "clusterIP")
    if service.is_headless:
        return
    if not address:
        yield PlannedHop(level, role, port.title, unseen="it has no cluster IP")
        return
    meshed = level == _BACKEND and any(workload.mesh.takes_mtls for workload in service.workloads)
    outside = not inside and not service.external_name
    yield PlannedHop(
        level, role, port.title, replace(target, connect_to=(address, port.number)),
        unreachable=_OUTSIDE.format(address) if outside else "",
        refused=_MESHED if meshed else _STRANGER.format(address) if outside else "",
    )  # fmt: skip


def _pod_hop(level: int, role: str, pod: Workload, number: int | None, target: Target) -> PlannedHop:
    if number is None:
        why = "it has no container port of the name that the Service's targetPort is"
        return PlannedHop(level, role, pod.object.full_name, unseen=why)
    return PlannedHop(
        level, role, join_host_port(pod.object.full_name, number), target, (pod.namespace, pod.name, number)
    )


def _ready_pods(service: Service | None, workloads: Sequence[Workload]) -> list[Workload]:
    """Those that get traffic, by the EndpointSlices, else by their own condition."""
    pods = [workload for workload in workloads if workload.is_pod]
    endpoints = service.endpoints if service is not None else None
    if endpoints:
        ready = {endpoint.pod for endpoint in endpoints if endpoint.ready}
        return [pod for pod in pods if pod.name in ready]
    return [pod for pod in pods if pod.is_ready is not False]


def _no_pods(level: int, role: str, of: str, workloads: Sequence[Workload]) -> PlannedHop:
    shown = any(workload.is_pod for workload in workloads)
    return PlannedHop(level, role, of, unseen="none of its pods is ready" if shown else "no pod of it was shown")


def _left_out(hops: Sequence[PlannedHop]) -> Iterator[str]:
    for level, role in ((_GATEWAY_POD, "gateway pods"), (_BACKEND_POD, "backend pods")):
        if sum(hop.level == level for hop in hops) >= MOST_PODS:
            yield f"of the {role} only the first {MOST_PODS} were asked"


def _in_the_name_of(target: Target, asked: Target) -> Target:
    """Dialled there, and otherwise what a request for the target is: its authority, SNI and name to verify."""
    return replace(asked, authority=target.authority_header, server_name=target.verify_name)
