"""From an Envoy read before and after a probe to EnvoyFacts: what rose meanwhile, and where the calls lead. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from grpcdoctor.diagnosis.envoy_way import Entrance, entrance_of, way_of
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.endpoints import Endpoint
from grpcdoctor.envoy.fields import Json, has, mapping, mappings, seconds, text
from grpcdoctor.envoy.request import Explanation, Outcome
from grpcdoctor.envoy.routes import Route, RouteConfiguration
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.facts.envoy import (
    AllowedTime,
    Counted,
    EnvoyBackend,
    EnvoyEndpoint,
    EnvoyEntrance,
    EnvoyFacts,
    EnvoyWay,
)  # fmt: skip
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target

_REQUESTS: Final = "downstream_rq_total"
_MOST_ENDPOINTS: Final = 20
_MOST_COUNTERS: Final = 300
_MOST_ROUTES: Final = 20
# Gauges: they go up and down, so a difference says nothing.
_GAUGE: Final = re.compile(r"(_active|_open|_connections|version|_buffered|_degraded)$|^membership_|remaining_")
_NOISE: Final = re.compile(
    r"_length_|(?<!upstream_cx_rx_)bytes|nghttp2|oghttp2|ciphers|curves|sigalgs|versions|^lb_(?!healthy_panic)|^update_"
    r"|^external|^user_agent|canary|^internal|^zone|cx_destroy(?!_remote_with)|rq_completed|^rq_total|rq_[2-5]xx$"
)
# Envoy's own spelling of scopes inside a scope; Stats flattens names.
_INNER: Final = re.compile(r"^(ssl|http1|http2|http3|outlier_detection|fault|rbac|jwt_authn|ext_authz|cors|grpc_web)_")
_ISTIO_OBJECT: Final = re.compile(r"/apis/[^/]+/[^/]+/namespaces/([^/]+)/([^/]+)/([^/]+)")
_ISTIO_KINDS: Final = {"virtual-service": "VirtualService", "destination-rule": "DestinationRule"}


def envoy_facts(before: Proxy, after: Proxy, run: Run) -> EnvoyFacts:
    """`after` has at least /stats and /clusters; the configuration is `before`'s."""
    replies = _replies(run)
    entrance = entrance_of(before, after, run.target)
    ways = tuple(_ways(before, entrance, run.target, [reply.path for reply in replies]))
    backends = tuple(_backends(before, after, ways))
    took = None
    if entrance is not None and _REQUESTS in after.stats.of_http(entrance.manager.stat_prefix):
        took = _rise(before, after, "http", entrance.manager.stat_prefix, _REQUESTS)
    return EnvoyFacts(
        source=before.name,
        version=before.server.version,
        istio_version=before.server.istio_version,
        calls=len(replies),
        took=took,
        counters_hidden=before.stats.hidden or not after.stats.given,
        entrance=_entrance(entrance, before) if entrance is not None else None,
        ways=ways,
        backends=backends,
        counted=tuple(_counted(before, after, entrance, backends))[:_MOST_COUNTERS],
    )


def _replies(run: Run) -> tuple[Reply, ...]:
    """Every call that left, the user's own first."""
    call, health = run.get(CallFacts), run.get(HealthFacts)
    reflection, unknown = run.get(ReflectionFacts), run.get(GrpcFacts)
    found = (
        call.reply if call is not None else None,
        *((health.check, health.list) if health is not None else ()),
        *((reflection.v1, reflection.v1alpha) if reflection is not None else ()),
        unknown.reply if unknown is not None else None,
    )
    return tuple(reply for reply in found if reply is not None)


def _entrance(entrance: Entrance, proxy: Proxy) -> EnvoyEntrance:
    listener, chain, manager = entrance.listener, entrance.chain, entrance.manager
    routes = proxy.routes_of(manager)
    return EnvoyEntrance(
        listener=listener.name,
        address=listener.address,
        chain="default_filter_chain" if chain.is_default else f"filter_chains[{chain.index}]",
        found_by=entrance.found_by,
        stat_prefix=manager.stat_prefix,
        codec=manager.codec,
        tls=chain.tls is not None,
        alpn=chain.tls.alpn if chain.tls is not None else (),
        client_certificate=chain.tls.require_client_certificate if chain.tls is not None else False,
        max_concurrent_streams=manager.max_concurrent_streams,
        filters=tuple(item.kind for item in manager.filters),
        route_configuration=manager.route_name or (routes.name if routes is not None else ""),
    )


def _ways(proxy: Proxy, entrance: Entrance | None, target: Target, paths: Iterable[str]) -> Iterator[EnvoyWay]:
    if entrance is None:
        return
    unhosted: EnvoyWay | None = None
    for path in dict.fromkeys(paths):
        if unhosted is not None:  # no path changes that
            yield replace(unhosted, path=path)
            continue
        found = way_of(proxy, entrance.listener, target, path)
        if found.routes is not None:
            way = _way(path, found, found.routes)
            unhosted = None if way.host else way
            yield way


def _way(path: str, found: Explanation, routes: RouteConfiguration) -> EnvoyWay:
    route = found.route
    if found.host is None:
        domains = tuple(domain for each in routes.virtual_hosts for domain in each.domains)[:_MOST_ROUTES]
        return EnvoyWay(path, domains=domains, near=found.near_misses, sure=not routes.discovers_hosts)
    host = found.host.virtual_host
    return EnvoyWay(
        path=path,
        host=host.name or ", ".join(host.domains),
        domains=host.domains[:_MOST_ROUTES],
        route=route.match_words if route is not None else "",
        routes=() if route is not None else tuple(each.match_words for each in host.routes)[:_MOST_ROUTES],
        near=() if route is not None else found.near_misses,
        action=route.action if route is not None else "",
        status=route.direct_status if route is not None else None,
        require_tls=host.require_tls,
        clusters=tuple(item.name for item in found.destinations),
        times=tuple(_times(found, route)) if route is not None and route.action == "route" else (),
        filters=tuple((item.kind, item.note) for item in found.filters if item.acts and item.on),
        sure=not host.has_matcher and found.outcome is not Outcome.ROUTES_UNKNOWN,
        made_by=istio_object(route.raw) if route is not None else "",
    )


# (name, whose) -> what it is called, and the counters that rise when it cuts a call.
_TIMES: Final[Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    ("timeout", "route"): ("route timeout", ("upstream_rq_timeout",)),
    ("idle_timeout", "route"): ("route's idle timeout", ("downstream_rq_idle_timeout",)),
    ("max_stream_duration", "route"): (
        "max_stream_duration", ("downstream_rq_max_duration_reached", "upstream_rq_max_duration_reached")),
    ("request_timeout", "connection manager"): ("request timeout", ("downstream_rq_timeout",)),
    ("stream_idle_timeout", "connection manager"): ("stream idle timeout", ("downstream_rq_idle_timeout",)),
    ("max_stream_duration", "connection manager"): (
        "max_stream_duration", ("downstream_rq_max_duration_reached",)),
    ("max_stream_duration", "cluster"): ("max_stream_duration", ("upstream_rq_max_duration_reached",)),
}  # fmt: skip
_TRIES: Final = (
    ("per_try_timeout", "timeout of one try", "upstream_rq_per_try_timeout"),
    ("per_try_idle_timeout", "idle timeout of one try", "upstream_rq_per_try_idle_timeout"),
)


def _times(found: Explanation, route: Route) -> Iterator[AllowedTime]:
    """Every time that ends a call on this route, with the counters that tell."""
    for item in found.limits:
        known = _TIMES.get((item.name, item.owner.partition(" ")[0] if "cluster" in item.owner else item.owner))
        if known is not None and item.limit.seconds is not None:
            yield AllowedTime(known[0], item.limit.field, item.limit.seconds, item.limit.is_default, known[1])
    policy = mapping(route.forward, "retry_policy") or mapping(route.host, "retry_policy")
    for name, words, counter in _TRIES:
        allowed = seconds(policy, name)
        if allowed:
            yield AllowedTime(words, f"retry_policy.{name}", allowed, counters=(counter,))


def _backends(before: Proxy, after: Proxy, ways: Sequence[EnvoyWay]) -> Iterator[EnvoyBackend]:
    for name in dict.fromkeys(name for way in ways for name in way.clusters):
        cluster = before.cluster(name)
        if cluster is None:
            yield EnvoyBackend(name, "missing" if before.shows("clusters") else "unknown")
        else:
            yield _backend(cluster, after.cluster(name) or cluster, before)


def _backend(cluster: Cluster, later: Cluster, proxy: Proxy) -> EnvoyBackend:
    known = cluster.endpoints
    tls = next((found for each in known if (found := cluster.tls_to(each)) is not None), cluster.tls)
    breaker = cluster.breakers[0]
    hosts = later.endpoints or known
    return EnvoyBackend(
        name=cluster.name,
        state=cluster.update.state.value if cluster.raw else "unknown",
        stat_name=cluster.stat_name,
        version=cluster.http.version.value if cluster.raw else "",
        version_field=cluster.http.field,
        tls="" if tls is None else "mTLS" if tls.is_mutual else "TLS",
        sni=tls.sni if tls is not None else "",
        alpn=tls.alpn if tls is not None else (),
        connect_timeout=cluster.connect_timeout.seconds,
        limits=tuple((name, getattr(breaker, name)) for name in _LIMITS),
        endpoints=tuple(_endpoint(cluster, each, proxy) for each in hosts[:_MOST_ENDPOINTS]),
        total=len(hosts),
        healthy=sum(1 for each in hosts if each.healthy),
        made_by=tuple(_istio_objects(cluster.raw)),
    )


_LIMITS: Final = ("max_connections", "max_pending_requests", "max_requests", "max_retries")


def _endpoint(cluster: Cluster, now: Endpoint, proxy: Proxy) -> EnvoyEndpoint:
    then = next((each for each in cluster.endpoints if each.address == now.address), None)

    def rose(name: str) -> int:
        return max(now.count(name) - (then.count(name) if then is not None else 0), 0)

    plain = cluster.tls_to(now) is None
    return EnvoyEndpoint(
        address=now.address,
        healthy=now.healthy,
        ailments=now.ailments,
        requests=rose("rq_total"),
        failed_connects=rose("cx_connect_fail"),
        tls_elsewhere=_tls_elsewhere(proxy, now.address) if plain else "",
    )


def _tls_elsewhere(proxy: Proxy, address: str) -> str:
    """Only a handshake that was completed proves that this address speaks TLS."""
    for cluster in proxy.clusters:
        shaken = cluster.tls is not None and proxy.stats.cluster(cluster.stat_name, "ssl.handshake") > 0
        if shaken and len(cluster.endpoints) == 1 and cluster.endpoints[0].address == address:
            return cluster.name
    return ""


def _rise(before: Proxy, after: Proxy, scope: str, name: str, what: str) -> int:
    return max(_of(after, scope, name).get(what, 0) - _of(before, scope, name).get(what, 0), 0)


def _of(proxy: Proxy, scope: str, name: str) -> Mapping[str, int]:
    return proxy.stats.of_cluster(name) if scope == "cluster" else proxy.stats.of_http(name)


def _counted(
    before: Proxy, after: Proxy, entrance: Entrance | None, backends: Sequence[EnvoyBackend]
) -> Iterator[Counted]:
    scopes = [("cluster", item.stat_name or item.name, item.name) for item in backends]
    if entrance is not None:
        scopes.insert(0, ("http", entrance.manager.stat_prefix, entrance.manager.stat_prefix))
    for scope, stat_name, shown in scopes:
        earlier = _of(before, scope, stat_name)
        for name, value in sorted(_of(after, scope, stat_name).items()):
            rise = value - earlier.get(name, 0)
            if rise > 0 and not _GAUGE.search(name) and not _NOISE.search(name):
                yield Counted(scope, shown, _INNER.sub(r"\1.", name), rise)
    then = dict(before.stats.local_rate_limited())
    for name, value in after.stats.local_rate_limited():
        if value > then.get(name, 0):
            yield Counted("", name, "http_local_rate_limit.enforced", value - then.get(name, 0))
    if entrance is not None:
        yield from _of_listener(before, after, entrance.scope)


_LISTENER_COUNTERS: Final = (
    "downstream_cx_total", "no_filter_chain_match", "downstream_cx_overflow", "downstream_pre_cx_timeout",
    "ssl.handshake", "ssl.connection_error", "ssl.no_certificate", "ssl.fail_verify_no_cert", "ssl.fail_verify_error",
    "ssl.fail_verify_san", "ssl.fail_verify_cert_hash",
)  # fmt: skip


def _of_listener(before: Proxy, after: Proxy, scope: str) -> Iterator[Counted]:
    for name in _LISTENER_COUNTERS:
        rise = (after.stats.value(f"{scope}.{name}") or 0) - (before.stats.value(f"{scope}.{name}") or 0)
        if rise > 0:
            yield Counted("listener", scope.removeprefix("listener."), name, rise)


def istio_object(raw: Json) -> str:
    """Istio notes in a route's metadata which object it made it of."""
    match = _ISTIO_OBJECT.fullmatch(text(raw, "metadata", "filter_metadata", "istio", "config"))
    return f"{_ISTIO_KINDS.get(match[2], match[2])} {match[1]}/{match[3]}" if match else ""


def _istio_objects(raw: Json) -> Iterator[str]:
    """And of a cluster: the DestinationRule, and the Services."""
    if not has(raw, "metadata", "filter_metadata", "istio"):
        return
    rule = istio_object(raw)
    if rule:
        yield rule
    for service in mappings(raw, "metadata", "filter_metadata", "istio", "services"):
        yield f"Service {text(service, 'namespace')}/{text(service, 'name')}"
