"""Path: one way of a request from the client to the pods, leg by leg: what is spoken on each, and who decided it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import mappings_at, text_at
from grpcdoctor.cluster.gateway_api import routes as gateway_api
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress import routes as ingress
from grpcdoctor.cluster.intent import Intent, intent_of
from grpcdoctor.cluster.istio import routes as istio
from grpcdoctor.cluster.istio.hosts import covers, service_name_of
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, inbound_of, upstream_of
from grpcdoctor.cluster.kinds import ENDPOINT_SLICE, KINDS, Kind
from grpcdoctor.cluster.routes import Backend, Entrance, RouteRule, routes
from grpcdoctor.cluster.services import SERVICE_KINDS, Service, ServicePort, find_service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh

_ISTIO_KINDS: Final = tuple(kind for kind in KINDS if kind.group.endswith(".istio.io"))
ROUTE_KINDS: Final[tuple[Kind, ...]] = tuple(
    dict.fromkeys((*SERVICE_KINDS, *istio.KINDS, *gateway_api.KINDS, *ingress.KINDS, *_ISTIO_KINDS))
)
"""What a rule reads that asks for routes, intents or paths, or whether there is an Istio."""
PATH_KINDS: Final[tuple[Kind, ...]] = (*ROUTE_KINDS, ENDPOINT_SLICE)


@dataclass(frozen=True, slots=True)
class Node:
    """One end of a leg. `kind` is "client", "gateway", "service", "workload", "external" or "mesh"."""

    kind: str
    title: str
    object: str = ""
    """`Service prod/greeter`; empty where no object stands for it."""


@dataclass(frozen=True, slots=True)
class Leg:
    """From one node to the next."""

    source: Node
    destination: Node
    spoken: Spoken
    """What arrives there, where the client speaks gRPC (same-as-client is resolved)."""
    tls: Tls
    decision: Decision | None
    tls_decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """`entrance` is None for traffic between sidecars."""

    host: str
    entrance: Entrance | None
    rule: RouteRule
    backend: Backend
    legs: tuple[Leg, ...]
    is_grpc: bool
    """The route or the backend is for gRPC, as far as the objects tell."""

    @property
    def first_http1(self) -> int | None:
        """The index of the leg at which gRPC breaks: the first that is HTTP/1.1; None where all carry HTTP/2."""
        return next((index for index, leg in enumerate(self.legs) if leg.spoken is Spoken.HTTP1), None)


def paths(cluster: Cluster) -> tuple[Path, ...]:
    """Every (entrance, host, route, destination), and for routes that sidecars use one from the mesh."""
    return cluster.once(_paths)


def paths_for(cluster: Cluster, host: str) -> tuple[Path, ...]:
    """Those that a request for this host can take."""
    wanted = host.lower().rstrip(".")
    service = service_called(cluster, wanted)
    if service is None:
        return tuple(path for path in paths(cluster) if not path.host or covers(path.host, wanted))
    own = service.full_host
    routed = tuple(path for path in paths(cluster) if path.entrance is None and path.host and covers(path.host, own))
    return routed or tuple(_paths_inside(cluster, service, wanted))


def service_called(cluster: Cluster, host: str) -> Service | None:
    """The Service that callers inside the cluster mean: `name.namespace[.svc[.DOMAIN]]`, or a `name` that one has."""
    named = service_name_of(host)
    if named is not None:
        return find_service(cluster, *named)
    name, dot, rest = host.removesuffix(".svc").partition(".")
    if dot:
        return find_service(cluster, rest, name) if "." not in rest else None
    found = [service for service in services(cluster) if service.name == name]
    return found[0] if len(found) == 1 else None


def _paths_inside(cluster: Cluster, service: Service, host: str) -> Iterator[Path]:
    """Of calls from inside that no route concerns: by a sidecar, or by kube-proxy where there is no mesh."""
    meshed = has_istio(cluster)
    for port in service.ports if not service.external_name else ():
        if meshed:
            client = Client(ClientKind.SIDECAR, service.namespace)
            upstream = upstream_of(cluster, client, port, service.full_host)
        else:
            upstream = Upstream(Spoken.TCP, Decision(None, (), "", "kube-proxy hands connections on unread"), Tls.NONE)
        backend = Backend(service.object.full_name, port.number, ("spec",), upstream, service, port)
        rule = RouteRule(
            istio.PLATFORM if meshed else "kubernetes", service.object, port.path, (host,), (), (backend,), in_mesh=True
        )
        source = Node("mesh", "clients in the mesh" if meshed else "clients in the cluster")
        legs = _inner_legs(cluster, source, rule, backend, Spoken.H2)
        yield Path(host, None, rule, backend, legs, _intent(cluster, backend).is_grpc)


def _paths(cluster: Cluster) -> tuple[Path, ...]:
    return tuple(path for rule in routes(cluster) for path in _paths_of(cluster, rule))


def _paths_of(cluster: Cluster, rule: RouteRule) -> Iterator[Path]:
    for backend in rule.backends:
        is_grpc = rule.looks_like_grpc or backend.takes_h2_only or _intent(cluster, backend).is_grpc
        for entrance in rule.entrances:
            inner = _inner_legs(cluster, _gateway_node(entrance), rule, backend, entrance.downstream)
            legs = (_entry_leg(entrance), *inner)
            for host in entrance.hosts or rule.hosts or ("",):
                yield Path(host, entrance, rule, backend, legs, is_grpc)
        if rule.in_mesh:
            legs = _inner_legs(cluster, Node("mesh", "clients in the mesh"), rule, backend, Spoken.H2)
            yield Path(rule.hosts[0] if rule.hosts else "", None, rule, backend, legs, is_grpc)


def _intent(cluster: Cluster, backend: Backend) -> Intent:
    return intent_of(cluster, backend.port) if isinstance(backend.port, ServicePort) else Intent()


def _gateway_node(entrance: Entrance) -> Node:
    """`istio-ingressgateway 203.0.113.7:443`."""
    port = f":{entrance.port}" if entrance.port is not None else ""
    address = next(iter(_addresses(entrance)), "")
    name = f"{entrance.title} {address}" if address else entrance.title
    return Node("gateway", name + port, entrance.object.title)


def _addresses(entrance: Entrance) -> Iterator[str]:
    """Of the load balancer in front, where its status tells."""
    for item in (entrance.object, *(service.object for service in entrance.services)):
        for place in (("status", "loadBalancer", "ingress"), ("status", "addresses")):
            for _, raw in mappings_at(item.raw, *place):
                yield text_at(raw, "ip") or text_at(raw, "hostname") or text_at(raw, "value")


def _entry_leg(entrance: Entrance) -> Leg:
    tls = Tls.SIMPLE if entrance.terminates_tls or entrance.passes_tls else Tls.NONE
    return Leg(Node("client", "client"), _gateway_node(entrance), entrance.downstream, tls, None)


def _inner_legs(
    cluster: Cluster, source: Node, rule: RouteRule, backend: Backend, incoming: Spoken
) -> tuple[Leg, ...]:
    """From the proxy to the Service, and from there to the application, through its sidecar where it has one."""
    upstream = backend.upstream
    arrives = upstream.spoken.after(incoming)
    to = _backend_node(backend)
    first = Leg(source, to, arrives, upstream.tls, upstream.decision, upstream.tls_decision)
    service = backend.service
    if service is None or not service.workloads:
        return (first,)
    pods = Node("workload", _pods(backend), service.workloads[0].title)
    if rule.by_istio and isinstance(backend.port, ServicePort) and _has_sidecar(backend):
        spoken, decision = inbound_of(cluster, backend.port, service.full_host)
        return first, Leg(to, pods, spoken.after(arrives), Tls.NONE, decision)
    return first, Leg(to, pods, arrives, upstream.tls, None)


def _has_sidecar(backend: Backend) -> bool:
    return backend.service is not None and any(w.mesh is Mesh.SIDECAR for w in backend.service.workloads)


def _backend_node(backend: Backend) -> Node:
    if backend.service is not None:
        return Node("service", backend.title, backend.service.title)
    return Node("external", backend.title)


def _pods(backend: Backend) -> str:
    """`3 pods`, or the Deployment where its pods are not shown."""
    assert backend.service is not None
    targets = backend.service.workloads
    if all(workload.is_pod for workload in targets):
        return f"{len(targets)} pod{'s' if len(targets) != 1 else ''}"
    return ", ".join(dict.fromkeys(workload.title for workload in targets[:2]))
