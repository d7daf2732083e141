"""Which routes and clusters of an Envoy carry gRPC, and how that is known: a rule about gRPC speaks of no web page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.envoy._findings import said
from grpcdoctor.envoy.clusters import Cluster, HttpVersion
from grpcdoctor.envoy.fields import has, text
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.routes import Route, VirtualHost
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Evidence

# `/shop.Cart/`, `/grpc.health.v1.Health/Check`: a package in lower case, a service that begins upper case.
_METHOD: Final = re.compile(r"/(?:[a-z_]\w*\.)+[A-Z]\w*(?:/\w*)?")
_COUNTED: Final = "the grpc_stats filter"
_PATHS: Final = ("prefix", "path", "path_separated_prefix")


@dataclass(frozen=True, eq=False)
class Placed:
    """A route, and the listener that leads to it (one of them, where several share it)."""

    listener: Listener
    chain: FilterChain
    manager: HttpManager
    host: VirtualHost
    route: Route

    @property
    def title(self) -> str:
        """`virtual host shop, route prefix /`."""
        return f"virtual host {self.host.name or ', '.join(self.host.domains)}, route {self.route.match_words}"

    @property
    def config_name(self) -> str:
        """Of the route configuration: what a finding is about."""
        return self.manager.route_name or text(self.route.config, "name") or self.listener.name


@dataclass(frozen=True, slots=True)
class Entry:
    """A filter chain that reads HTTP, and why it carries gRPC."""

    listener: Listener
    chain: FilterChain
    manager: HttpManager
    why: str


def placed(proxy: Proxy) -> tuple[Placed, ...]:
    """Every route in force, once."""
    return proxy.once(_placed)


def _placed(proxy: Proxy) -> tuple[Placed, ...]:
    seen: set[int] = set()
    found = []
    for listener, chain, manager in proxy.http_chains:
        routes = proxy.routes_of(manager)
        for host in routes.virtual_hosts if routes is not None else ():
            for route in host.routes:
                if id(route.raw) not in seen:
                    seen.add(id(route.raw))
                    found.append(Placed(listener, chain, manager, host, route))
    return tuple(found)


def why_grpc(route: Route) -> str:
    """Why a route is one of gRPC by its own words; empty where they do not say."""
    if has(route.match, "grpc"):
        return "its match takes gRPC only"
    path = next((text(route.match, name) for name in _PATHS if has(route.match, name)), "")
    return f"{path} is a gRPC method's path" if _METHOD.fullmatch(path) else ""


def grpc_routes(proxy: Proxy) -> Iterator[tuple[Placed, str]]:
    """(route, why) of those whose own words say so."""
    for each in placed(proxy):
        why = why_grpc(each.route)
        if why:
            yield each, why


def why_cluster_grpc(proxy: Proxy, cluster: Cluster) -> str:
    """Why a cluster is one of gRPC servers, whatever is spoken to it; empty where nothing says so."""
    return _reasons(proxy).get(cluster.name, "") or _own_reason(proxy, cluster)


def _reasons(proxy: Proxy) -> dict[str, str]:
    """cluster -> the gRPC route that leads to it."""
    return proxy.once(_routed)


def _routed(proxy: Proxy) -> dict[str, str]:
    found: dict[str, str] = {}
    for each, why in grpc_routes(proxy):
        for target in each.route.targets:
            found.setdefault(target.cluster, f"{each.title} leads to it: {why}")
    return found


def _own_reason(proxy: Proxy, cluster: Cluster) -> str:
    if any(check.kind == "grpc" for check in cluster.health_checks):
        return "its health check is gRPC's"
    counted = [name for name, number in proxy.stats.of_cluster(cluster.stat_name).items()
               if name.startswith("grpc_") and number]  # fmt: skip
    return f"{_COUNTED} has counted gRPC calls to it" if counted else ""


def carries_grpc(proxy: Proxy, cluster_name: str) -> str:
    """Why calls to a cluster are gRPC: as above, or it is told to speak HTTP/2, which in a backend is mostly that."""
    cluster = proxy.cluster(cluster_name)
    if cluster is None:
        return ""
    why = why_cluster_grpc(proxy, cluster)
    return why or (f"cluster {cluster.name} is spoken HTTP/2" if cluster.http.version is HttpVersion.H2 else "")


def why_targets_grpc(proxy: Proxy, route: Route) -> str:
    """By the clusters that it leads to."""
    return next(filter(None, (carries_grpc(proxy, target.cluster) for target in route.targets)), "")


def grpc_entries(proxy: Proxy) -> tuple[Entry, ...]:
    """Every chain in force with a route of gRPC on it."""
    return proxy.once(_entries)


def _entries(proxy: Proxy) -> tuple[Entry, ...]:
    found = []
    for listener, chain, manager in proxy.http_chains:
        routes = proxy.routes_of(manager)
        reasons = (
            why
            for host in (routes.virtual_hosts if routes is not None else ())
            for route in host.routes
            if (why := why_grpc(route) or why_targets_grpc(proxy, route))
        )
        why = next(reasons, "")
        if why:
            found.append(Entry(listener, chain, manager, why))
    return tuple(found)


def reason(why: str) -> Evidence:
    """Why something is gRPC, as evidence."""
    return said(why, "stats" if why.startswith(_COUNTED) else "config_dump")


def spoken(cluster: Cluster) -> Evidence:
    """What is spoken to a cluster, and the field that decided."""
    tls = "plaintext" if cluster.tls is None and not cluster.socket_matches else "TLS"
    return said(f"cluster {cluster.name}: {cluster.http.version.value}, {tls} ({cluster.http.reason})", "config_dump")


def is_istio(proxy: Proxy) -> bool:
    return bool(proxy.server.istio_version) or proxy.server.role in ("sidecar", "router", "waypoint")


def addresses(cluster: Cluster, most: int = 3) -> str:
    """`10.0.0.1:50051, …`."""
    found = [endpoint.address for endpoint in cluster.endpoints]
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def cluster_title(name: str) -> str:
    """As findings name it among what they are about."""
    return f"cluster {name}"
