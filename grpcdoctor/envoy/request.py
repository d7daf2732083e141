"""route_request: how one request would go through an Envoy, from its listener to the endpoints, and why not else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from grpcdoctor.envoy.chains import chain_for, listeners_for, near_chains
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.domains import HostMatch, near_hosts, seen_authority, virtual_host_for
from grpcdoctor.envoy.filters import Applied, applied
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.matching import Request, route_match
from grpcdoctor.envoy.routes import Route, RouteConfiguration, Target
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.way_limits import NamedLimit, limits_on_the_way
from grpcdoctor.model.codes import STATUS_OF_HTTP, GrpcStatus

_NEAR_ROUTES: Final = 3
_MOST_LISTENERS: Final = 2000


class Outcome(str, Enum):
    """Where a request ends, as far as configuration tells; worst luck first."""

    NO_LISTENER = "no listener"
    NO_CHAIN = "no filter chain"
    WRONG_TRANSPORT = "TLS and plaintext are at odds"
    NOT_HTTP = "handed on unread"
    ROUTES_UNKNOWN = "routes not shown"
    NO_HOST = "no virtual host"
    NO_ROUTE = "no route"
    NOT_FORWARDED = "not forwarded"
    """A redirect, or an answer of Envoy's own."""
    CLUSTER_UNKNOWN = "cluster not told by name"
    NO_CLUSTER = "cluster missing"
    NO_ENDPOINT = "no endpoint"
    FORWARDED = "forwarded"


_BEST: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}
_SYMPTOMS: Final = {
    Outcome.NO_LISTENER: "connection refused",
    Outcome.NO_CHAIN: "the connection is closed in the handshake (NR filter_chain_not_found)",
    Outcome.WRONG_TRANSPORT: "the handshake fails: UNAVAILABLE",
    Outcome.NO_HOST: "UNIMPLEMENTED, HTTP 404 (NR route_not_found)",
    Outcome.NO_ROUTE: "UNIMPLEMENTED, HTTP 404 (NR route_not_found)",
    Outcome.NO_CLUSTER: "UNAVAILABLE (NC cluster_not_found)",
    Outcome.NO_ENDPOINT: "UNAVAILABLE: no healthy upstream (UH)",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """A cluster that the request may go to, and its share in percent."""

    name: str
    share: float
    cluster: Cluster | None
    """None: there is no such cluster (or it is not shown)."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """The way of one request."""

    request: Request
    outcome: Outcome
    tls: bool = False
    """What was assumed where the request did not say."""
    listener: Listener | None = None
    listener_why: str = ""
    chain: FilterChain | None = None
    chain_why: str = ""
    manager: HttpManager | None = None
    routes: RouteConfiguration | None = None
    host: HostMatch | None = None
    route: Route | None = None
    destinations: tuple[Destination, ...] = ()
    limits: tuple[NamedLimit, ...] = ()
    filters: tuple[Applied, ...] = ()
    near_misses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Other listeners that would take it as well."""

    @property
    def symptom(self) -> str:
        """What a gRPC client gets where it goes no further; empty where that is not Envoy's doing."""
        if self.outcome is Outcome.NOT_FORWARDED and self.route is not None:
            return _answered_here(self.route)
        return _SYMPTOMS.get(self.outcome, "")


def _answered_here(route: Route) -> str:
    """A local answer: Envoy gives gRPC clients its HTTP status as a gRPC status."""
    if route.action == "direct_response":
        status = route.direct_status or 0
        return f"{STATUS_OF_HTTP.get(status, GrpcStatus.UNKNOWN).name}, HTTP {status} by Envoy itself"
    if route.action in ("redirect", "route"):
        return "UNKNOWN, a redirect: no gRPC client follows one"
    return ""


def route_request(
    proxy: Proxy,
    host: str,
    path: str,
    port: int | None = None,
    sni: str = "",
    tls: bool | None = None,
    headers: Sequence[tuple[str, str]] = (),
    alpn: Sequence[str] = ("h2",),
    listener: str = "",
) -> Explanation:
    """The best way there is through this Envoy. `tls` None: as its listener wants; `listener`: part of its name."""
    path = path if path.startswith("/") else f"/{path}"
    request = Request(host.lower().rstrip("."), path, port, tls, sni, tuple(alpn), tuple(headers))
    candidates = listeners_for(proxy, request, listener)[:_MOST_LISTENERS]
    if not candidates:
        why = f"none has {listener!r} in its name" if listener else "this Envoy has no listener in force"
        return Explanation(request, Outcome.NO_LISTENER, listener_why=why)
    found = [replace(through(proxy, each, request), listener_why=why) for each, why in candidates]
    order = {id(item): number for number, item in enumerate(found)}
    ranked = sorted(found, key=lambda item: (*_rank(item), -order[id(item)]), reverse=True)
    best = ranked[0]
    also = tuple(
        item.listener.name
        for item in ranked[1:]
        if item.outcome is best.outcome and _rank(item) == _rank(best) and item.listener is not None
    )
    return replace(best, also=also)


def _rank(found: Explanation) -> tuple[int, int, int]:
    """By how near the port is, how far it comes, how well the domain fits.

    A listener on the port that was asked for is the one, whatever becomes of the request there.
    """
    on_port = int(found.request.port is not None and found.listener is not None and _on_port(found))
    domain = "" if found.host is None else found.host.domain
    return on_port, 1 if domain not in ("", "*") else 0, _BEST[found.outcome]


def _on_port(found: Explanation) -> bool:
    """Its own port, or that of a chain of Istio's virtual inbound listener."""
    listener, port = found.listener, found.request.port
    own = listener is not None and listener.port == port
    return own or (found.chain is not None and found.chain.match.destination_port == port)


def through(proxy: Proxy, listener: Listener, request: Request) -> Explanation:
    """Both ways of connecting where the request does not say, the better one."""
    ways = (True, False) if request.tls is None else (request.tls,)
    found = [_over(proxy, listener, replace(request, tls=tls), tls) for tls in ways]
    best = max(found, key=lambda item: _BEST[item.outcome])
    return replace(best, tls=bool(best.request.tls))


def _over(proxy: Proxy, listener: Listener, request: Request, tls: bool) -> Explanation:
    matched = chain_for(listener, request, tls)
    chain = matched.chain
    start = Explanation(request, Outcome.NO_CHAIN, tls, listener, chain=chain, chain_why=matched.why)
    if chain is None:
        return replace(start, near_misses=tuple(near_chains(listener, request, tls)))
    if (chain.tls is not None) is not tls:
        wants = "wants TLS" if chain.tls is not None else "is in clear"
        return replace(start, outcome=Outcome.WRONG_TRANSPORT, chain_why=f"the chain {wants}")
    if chain.http is None:
        return _unread(proxy, start, chain)
    return _routed(proxy, replace(start, manager=chain.http, notes=tuple(_of_codec(chain, chain.http))), chain.http)


def _of_codec(chain: FilterChain, manager: HttpManager) -> Iterator[str]:
    """What keeps a gRPC client from speaking HTTP/2 here."""
    if manager.codec == "HTTP1":
        yield "its codec is HTTP1: a gRPC client cannot speak to it"
    elif chain.tls is not None and "h2" not in chain.tls.alpn and chain.tls.kind == "tls":
        offered = ", ".join(chain.tls.alpn) or "nothing"
        yield f"its ALPN offers {offered}, not h2: many gRPC clients refuse that"


def _unread(proxy: Proxy, found: Explanation, chain: FilterChain) -> Explanation:
    """A TCP proxy: every connection goes to one endpoint, whatever is in it."""
    names = chain.tcp.clusters if chain.tcp is not None else ()
    share = 100.0 / len(names) if names else 0.0
    destinations = tuple(Destination(name, share, proxy.cluster(name)) for name in names)
    return replace(found, outcome=Outcome.NOT_HTTP, destinations=destinations)


def _routed(proxy: Proxy, found: Explanation, manager: HttpManager) -> Explanation:
    routes = proxy.routes_of(manager)
    if routes is None:
        return replace(found, outcome=Outcome.ROUTES_UNKNOWN, notes=(*found.notes, _no_routes(proxy, manager)))
    found = replace(found, routes=routes, limits=tuple(limits_on_the_way(manager, None)))
    port = None if found.listener is None else found.listener.port
    authority = seen_authority(found.request, manager, port, routes)
    host = virtual_host_for(routes, authority)
    if host is None:
        on_demand = ("virtual hosts come on demand (VHDS)",) if routes.discovers_hosts else ()
        misses = tuple(near_hosts(routes, found.request))
        return replace(found, outcome=Outcome.NO_HOST, near_misses=misses, notes=found.notes + on_demand)
    return _in_host(proxy, replace(found, host=host), manager, host)


def _no_routes(proxy: Proxy, manager: HttpManager) -> str:
    if manager.scoped:
        return "routes are picked by a header (scoped routes), which is not followed here"
    if proxy.shows("routes"):
        return f"the route configuration {manager.route_name} has not come: every call gets UNIMPLEMENTED until it has"
    return f"the route configuration {manager.route_name} is not among what was read"


def _in_host(proxy: Proxy, found: Explanation, manager: HttpManager, host: HostMatch) -> Explanation:
    """The first route that matches."""
    misses: list[str] = []
    for route in host.virtual_host.routes:
        matched = route_match(route.match, found.request)
        if matched.taken:
            notes = found.notes + matched.notes + _tls_note(host, found)
            return _on(proxy, replace(found, route=route, notes=notes, near_misses=tuple(misses)), manager, route)
        if matched.near and len(misses) < _NEAR_ROUTES:
            misses.append(f"route {_title(route)} ({route.match_words}) is passed over: {matched.why}")
    if host.virtual_host.has_matcher:
        note = "this virtual host routes by a matcher, which is not followed here"
        return replace(found, outcome=Outcome.ROUTES_UNKNOWN, notes=(*found.notes, note), near_misses=tuple(misses))
    misses += _near_paths(host.virtual_host.routes, found.request)
    return replace(found, outcome=Outcome.NO_ROUTE, near_misses=tuple(misses))


def _title(route: Route) -> str:
    return route.name or f"#{route.index + 1}"


def _tls_note(host: HostMatch, found: Explanation) -> tuple[str, ...]:
    required = host.virtual_host.require_tls
    if required == "NONE" or found.tls:
        return ()
    return (f"require_tls {required}: in clear the answer is a redirect to https",)


def _near_paths(routes: Sequence[Route], request: Request) -> list[str]:
    """The routes with a path most like the one that was asked for."""
    from difflib import get_close_matches

    known: dict[str, Route] = {}
    for route in routes:
        for name in ("prefix", "path", "path_separated_prefix"):
            value = route.match.get(name)
            if isinstance(value, str):
                known.setdefault(value, route)
    service = request.plain_path.rpartition("/")[0] + "/"
    close = get_close_matches(request.plain_path, known, n=2, cutoff=0.6)
    close += [item for item in get_close_matches(service, known, n=2, cutoff=0.6) if item not in close]
    return [f"there is a route for {known[path].match_words}" for path in close[:_NEAR_ROUTES]]


def _on(proxy: Proxy, found: Explanation, manager: HttpManager, route: Route) -> Explanation:
    filters = tuple(applied(item, route, found.request) for item in manager.filters)
    found = replace(found, filters=filters, outcome=Outcome.NOT_FORWARDED)
    required = found.host is not None and found.host.virtual_host.require_tls == "ALL"
    if (required and not found.tls) or route.action != "route":
        return found
    if not route.targets:
        return replace(found, outcome=Outcome.CLUSTER_UNKNOWN, notes=(*found.notes, f"by {route.picked_by}"))
    destinations = tuple(_destinations(proxy, route.targets))
    clusters = [item.cluster for item in destinations if item.cluster is not None]
    limits = tuple(limits_on_the_way(manager, route, clusters))
    notes = (*found.notes, *_panics(destinations))
    outcome = _arrives(proxy, destinations)
    return replace(found, destinations=destinations, limits=limits, notes=notes, outcome=outcome)


def _destinations(proxy: Proxy, targets: Sequence[Target]) -> Iterator[Destination]:
    total = sum(target.weight for target in targets)
    for target in targets:
        share = 100.0 * target.weight / total if total else 0.0
        yield Destination(target.cluster, share, proxy.cluster(target.cluster))


def _arrives(proxy: Proxy, destinations: Sequence[Destination]) -> Outcome:
    """The worst of those that get a share."""
    used = [item for item in destinations if item.share] or list(destinations)
    if any(item.cluster is None for item in used):
        return Outcome.NO_CLUSTER if proxy.shows("clusters") else Outcome.CLUSTER_UNKNOWN
    clusters = [item.cluster for item in used if item.cluster is not None]
    knows = proxy.answered("clusters") or proxy.shows("endpoints")
    empty = [c for c in clusters if not c.endpoints and c.type != "ORIGINAL_DST" and not c.members]
    known_empty = [c for c in empty if knows or c.type in ("STATIC", "STRICT_DNS", "LOGICAL_DNS")]
    calm = [c for c in clusters if c.endpoints and not c.healthy and c.panics_below == 0]
    return Outcome.NO_ENDPOINT if known_empty or calm else Outcome.FORWARDED


def _panics(destinations: Sequence[Destination]) -> Iterator[str]:
    """With too few healthy endpoints Envoy takes no notice of health any more (common_lb_config)."""
    for item in destinations:
        cluster = item.cluster
        if cluster is not None and cluster.endpoints and 100 * cluster.healthy < (
            cluster.panics_below * len(cluster.endpoints)
        ):
            yield (
                f"{cluster.healthy} of {len(cluster.endpoints)} endpoints of {item.name} are healthy: below "
                f"{cluster.panics_below}% Envoy sends to all of them (panic)"
            )
