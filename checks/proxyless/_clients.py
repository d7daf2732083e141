"""Proxyless workloads, the `xds:///` names that they dial, and where istiod's routes lead from there.

Source: istio pilot/pkg/networking/grpcgen (lds.go newListenerNameFilter and tryFindFQDN, rds.go, cds.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, items_at, mappings_at, string_map, text_at, texts_at
from grpcdoctor.cluster.istio.destination_rules import Policy, policy_of, rules_for
from grpcdoctor.cluster.istio.hosts import covers, find_host, ports_of, visible_from
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.virtual_services import MESH, VirtualRoute, VirtualService, virtual_services
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload, distinct_workloads, owner_of

TEMPLATES: Final = "inject.istio.io/templates"
AGENT: Final = "grpc-agent"
SIMPLE: Final = "grpc-simple"
BOOTSTRAP: Final = "GRPC_XDS_BOOTSTRAP"
BOOTSTRAP_CONFIG: Final = "GRPC_XDS_BOOTSTRAP_CONFIG"
TLS_MODE: Final = "security.istio.io/tlsMode"
_LONGEST: Final = 2000
_TARGET: Final = re.compile(r"xds:///(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?(?![\w/-])")


@dataclass(frozen=True, eq=False)
class XdsTarget:
    """One `xds:///` name in an argument or a variable of a container."""

    workload: Workload
    container: Container
    path: FieldPath
    """Of the argument or the variable's value."""
    value: str
    """The whole field."""
    host: str
    port: int | None

    @property
    def written(self) -> str:
        return f"xds:///{self.host}" + (f":{self.port}" if self.port is not None else "")


@dataclass(frozen=True, eq=False)
class Use:
    """A destination of a proxyless client: the host that it dials, or where a VirtualService sends it from there."""

    target: XdsTarget
    full: str
    found: Service | Object
    port: ServicePort | EntryPort
    subset: str
    route: VirtualRoute | None

    @property
    def service(self) -> Service | None:
        return self.found if isinstance(self.found, Service) else None

    @property
    def object(self) -> Object:
        return self.found.object if isinstance(self.found, Service) else self.found


def proxyless(cluster: Cluster) -> tuple[Workload, ...]:
    """One of every owner."""
    return cluster.once(_proxyless)


def template_of(workload: Workload) -> str:
    """ "grpc-agent", "grpc-simple", or empty."""
    written = {word.strip() for word in workload.annotations.get(TEMPLATES, "").split(",")}
    return next((name for name in (AGENT, SIMPLE) if name in written), "")


def targets(cluster: Cluster) -> tuple[XdsTarget, ...]:
    """Of every owner once, proxyless or not."""
    return cluster.once(_targets)


def full_name(cluster: Cluster, target: XdsTarget) -> str:
    """The host that istiod looks up: it completes `name`, `name.namespace` and `name.namespace.svc` of its own only."""
    host, space = target.host.lower().rstrip("."), target.workload.namespace
    if template_of(target.workload) == SIMPLE:
        return host  # its node has the domain `cluster.local`, which completes no name of a Service
    for suffix in (f".{space}", f".{space}.svc"):
        if host.endswith(suffix) and "." not in host[: -len(suffix)]:
            host = host[: -len(suffix)]
    return f"{host}.{space}.svc.{mesh_config(cluster).domain}" if "." not in host else host


def uses(cluster: Cluster) -> tuple[Use, ...]:
    """What the targets of proxyless clients lead to; those that lead nowhere are left out."""
    return cluster.once(_uses)


def policy_for(cluster: Cluster, use: Use) -> Policy:
    """The traffic policy that istiod applies for this client."""
    return policy_of(rules_of(cluster, use), use.port.number, use.subset)


def rules_of(cluster: Cluster, use: Use) -> tuple[Object, ...]:
    client = use.target.workload
    return rules_for(cluster, use.full, use.object.namespace, client.namespace, client.labels)


def routes_for(cluster: Cluster, full: str, client: Workload) -> tuple[VirtualRoute, ...]:
    """The routes of the VirtualService that clients in the mesh use for this host."""
    exact, wildcards = cluster.once(_mesh_services)
    for service in (*exact.get(full, ()), *(s for host, s in wildcards if covers(host, full))):
        if visible_from(service.object, client.namespace):
            return tuple(route for route in service.http if _is_for(route, client))
    return ()


def _is_for(route: VirtualRoute, client: Workload) -> bool:
    """Some match (or none is written) leaves it to this client: not to gateways or other workloads alone."""
    if not route.matches:
        return True
    return any(
        MESH in (texts_at(match, "gateways") or (MESH,))
        and selects(string_map(match, "sourceLabels"), client.labels)
        and text_at(match, "sourceNamespace") in ("", client.namespace)
        for _, match in route.matches
    )


def _proxyless(cluster: Cluster) -> tuple[Workload, ...]:
    return tuple(w for w in owners(cluster) if w.mesh is Mesh.PROXYLESS)


def owners(cluster: Cluster) -> tuple[Workload, ...]:
    """Of the pods of one owner one."""
    return cluster.once(_owners)


def _owners(cluster: Cluster) -> tuple[Workload, ...]:
    return tuple(_once_each(cluster))


def _once_each(cluster: Cluster) -> Iterator[Workload]:
    seen: set[int] = set()
    for workload in distinct_workloads(cluster):
        owner = owner_of(cluster, workload)[0]
        if id(owner) not in seen:
            seen.add(id(owner))
            yield workload


def _targets(cluster: Cluster) -> tuple[XdsTarget, ...]:
    return tuple(t for w in owners(cluster) for c in w.containers for t in _targets_of(w, c))


def _targets_of(workload: Workload, container: Container) -> Iterator[XdsTarget]:
    texts: list[tuple[FieldPath, str]] = [
        ((*container.path, key, index), word)
        for key in ("command", "args")
        for index, word in enumerate(items_at(container.raw, key))
        if isinstance(word, str)
    ]
    for index, item in mappings_at(container.raw, "env"):
        texts.append(((*container.path, "env", index, "value"), text_at(item, "value")))
    for path, text in texts:
        if "xds:///" in text and len(text) <= _LONGEST:
            for found in _TARGET.finditer(text):
                port = int(found["port"]) if found["port"] else None
                yield XdsTarget(workload, container, path, text, found["host"], port)


def _uses(cluster: Cluster) -> tuple[Use, ...]:
    return tuple(use for target in targets(cluster) for use in _uses_of(cluster, target))


def _uses_of(cluster: Cluster, target: XdsTarget) -> Iterator[Use]:
    if target.workload.mesh is not Mesh.PROXYLESS or target.port is None:
        return
    full = full_name(cluster, target)
    routes = routes_for(cluster, full, target.workload)
    sent: list[tuple[str, int, str, VirtualRoute | None]] = [
        (to.full, to.port or target.port, to.subset, route) for route in routes for to in route.destinations
    ]
    for host, number, subset, route in sent or [(full, target.port, "", None)]:
        found = find_host(cluster, host)
        port = next((p for p in ports_of(found) if p.number == number), None) if found is not None else None
        if found is not None and port is not None:
            yield Use(target, host, found, port, subset, route)


def _mesh_services(cluster: Cluster) -> tuple[dict[str, list[VirtualService]], list[tuple[str, VirtualService]]]:
    """By exact host, oldest first, and those of wildcards, the most specific first."""
    exact: dict[str, list[VirtualService]] = {}
    wildcards: list[tuple[str, VirtualService]] = []
    for service in sorted(virtual_services(cluster), key=lambda one: (one.object.created_at, one.object.name)):
        for host in service.hosts if service.in_mesh else ():
            if host.startswith("*"):
                wildcards.append((host, service))
            else:
                exact.setdefault(host, []).append(service)
    return exact, sorted(wildcards, key=lambda pair: -len(pair[0]))
