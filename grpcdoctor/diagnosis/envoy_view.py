"""From the snapshot of an Envoy to what a report shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from grpcdoctor.diagnosis.envoy_clusters import shown_cluster, used_clusters
from grpcdoctor.envoy.certificates import Certificate
from grpcdoctor.envoy.filters import applied
from grpcdoctor.envoy.http import FilterOnRoute, HttpManager
from grpcdoctor.envoy.limits import Limit, duration_words
from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.matching import Request
from grpcdoctor.envoy.routes import Route, RouteConfiguration, VirtualHost
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.updates import Rejection, State, Update
from grpcdoctor.model.envoy import (
    EnvoyView,
    ShownCertificate,
    ShownChain,
    ShownFilter,
    ShownHost,
    ShownLimit,
    ShownListener,
    ShownRejection,
    ShownRoute,
    ShownRoutes,
)

_DAY: Final = 86400.0
_ANY: Final = Request("", "/")


def envoy_view(proxy: Proxy, listener: str = "", cluster: str = "", everything: bool = False) -> EnvoyView:
    """All of it; with `listener` or `cluster` only what has that in its name."""
    server = proxy.server
    used = used_clusters(proxy)
    listeners = [item for item in proxy.listeners if listener in item.name] if not cluster or listener else []
    clusters = [item for item in proxy.clusters if cluster in item.name] if not listener or cluster else []
    return EnvoyView(
        version=server.version,
        state=server.state,
        node=server.node,
        role=server.role,
        istio_version=server.istio_version,
        uptime_seconds=server.uptime,
        control_plane=proxy.control_plane.connected,
        counters_hidden=proxy.stats.hidden or not proxy.stats.given,
        listeners=tuple(_listener(item) for item in listeners),
        routes=tuple(_routes(item) for item in _all_routes(proxy, listeners if listener or cluster else None)),
        clusters=tuple(shown_cluster(proxy, item, item.name in used) for item in clusters),
        certificates=tuple(map(_certificate, proxy.certificates)),
        rejections=tuple(map(_rejection, proxy.rejections)),
        shown="named" if listener or cluster else "all" if everything else "some",
    )


def shown_limit(name: str, limit: Limit, owner: str = "", note: str = "") -> ShownLimit:
    return ShownLimit(name, limit.seconds, limit.is_default, owner, note)


def _listener(listener: Listener) -> ShownListener:
    return ShownListener(
        name=listener.name,
        address=", ".join((listener.address, *listener.more_addresses)),
        state=listener.update.state.value,
        direction=listener.direction,
        version=listener.update.version,
        chains=tuple(_chain(chain) for chain in listener.all_chains),
    )


def _chain(chain: FilterChain) -> ShownChain:
    manager, tls, tcp = chain.http, chain.tls, chain.tcp
    return ShownChain(
        match="what no other chain takes" if chain.is_default else chain.match.words,
        speaks=chain.speaks,
        kind="http" if manager is not None else "tcp" if tcp is not None else "other",
        codec="" if manager is None else manager.codec,
        alpn=() if tls is None else tls.alpn,
        tls=tls is not None,
        client_certificate=tls is not None and tls.require_client_certificate,
        routes=", ".join(tcp.clusters) if tcp is not None else _routes_name(manager),
        filters=() if manager is None else tuple(_filters(manager)),
        limits=() if manager is None else tuple(_manager_limits(manager)),
    )


def _routes_name(manager: HttpManager | None) -> str:
    if manager is None:
        return ""
    inline = manager.inline_routes
    return manager.route_name if inline is None else str(inline.get("name") or "(inline)")


def _filters(manager: HttpManager) -> Iterator[ShownFilter]:
    for item in manager.filters:
        found = applied(item, None, _ANY)
        yield ShownFilter(found.kind, found.on, found.note, found.acts)


def _manager_limits(manager: HttpManager) -> Iterator[ShownLimit]:
    yield shown_limit("stream_idle_timeout", manager.stream_idle_timeout)
    yield shown_limit("request_timeout", manager.request_timeout)
    yield shown_limit("max_stream_duration", manager.max_stream_duration)
    yield shown_limit("max_connection_duration", manager.max_connection_duration)


def _all_routes(proxy: Proxy, listeners: Iterable[Listener] | None) -> Iterator[RouteConfiguration]:
    """Each once: those of RDS, and inline ones that the dump does not repeat; or those of some listeners.

    Inline ones of several listeners are often called alike, and are different.
    """
    if listeners is None:
        yield from proxy.route_configurations
    known = {found.name for found in proxy.route_configurations} if listeners is None else set()
    seen: set[int] = set()
    for listener in proxy.serving if listeners is None else listeners:
        for chain in listener.all_chains:
            routes = None if chain.http is None else proxy.routes_of(chain.http)
            if routes is not None and routes.name not in known and id(routes.raw) not in seen:
                seen.add(id(routes.raw))
                yield routes


def _routes(routes: RouteConfiguration) -> ShownRoutes:
    update: Update = routes.update
    state = "inline" if update.state is State.STATIC else update.state.value
    return ShownRoutes(routes.name, state, update.version, tuple(_host(host) for host in routes.virtual_hosts))


def _host(host: VirtualHost) -> ShownHost:
    return ShownHost(host.name, host.domains, tuple(_route(route) for route in host.routes))


def _route(route: Route) -> ShownRoute:
    limits = tuple(route_limits(route)) if route.action == "route" else ()
    filters = tuple(_said(item) for item in route.filters.values())
    return ShownRoute(route.match_words, action_words(route), limits, retry_words(route), filters)


def _said(item: FilterOnRoute) -> ShownFilter:
    return ShownFilter(item.kind, not item.disabled, item.where)


def route_limits(route: Route) -> Iterator[ShownLimit]:
    yield shown_limit("timeout", route.timeout)
    if route.idle_timeout is not None:
        yield shown_limit("idle_timeout", route.idle_timeout)
    if route.max_stream_duration is not None:
        yield shown_limit("max_stream_duration", route.max_stream_duration)
    if route.grpc_timeout_header_max is not None:
        yield shown_limit("grpc_timeout_header_max", route.grpc_timeout_header_max)


def action_words(route: Route) -> str:
    """`cluster greeter`, `90% a, 10% b`, `direct response 404`."""
    if route.action == "direct_response":
        return f"direct response {route.direct_status}"
    if route.action != "route":
        return route.action.replace("_", " ") or "no action"
    total = sum(target.weight for target in route.targets)
    if len(route.targets) > 1 and total:
        return ", ".join(f"{100 * target.weight / total:.3g}% {target.cluster}" for target in route.targets)
    if route.targets:
        return f"cluster {route.targets[0].cluster}"
    return f"cluster by {route.picked_by}" if route.picked_by else "no cluster"


def retry_words(route: Route | None) -> str:
    """`2 × on unavailable, cancelled; 1 s each`; empty where nothing is retried."""
    retries = None if route is None else route.retries
    if retries is None or not retries.is_on:
        return ""
    each = f"; {duration_words(retries.per_try)} each" if retries.per_try else ""
    return f"{retries.times} × on {', '.join(retries.on)}{each}"


def _certificate(item: Certificate) -> ShownCertificate:
    days = None if item.left is None else round(item.left / _DAY, 2)
    return ShownCertificate(item.names, item.path, item.serial, item.expires, days, item.is_authority)


def _rejection(item: Rejection) -> ShownRejection:
    return ShownRejection(item.kind, item.name, item.reason, item.last_attempt, item.still_in_force)
