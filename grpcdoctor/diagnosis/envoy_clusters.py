"""What a report shows of an Envoy's clusters: version, TLS, endpoints, what was refused, and the settings in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.endpoints import Endpoint
from grpcdoctor.envoy.limits import duration_words
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.tls import UpstreamTls
from grpcdoctor.model.envoy import Counted, ShownCluster, ShownEndpoint

# counter below cluster.NAME -> what it says.
TELLING: Final = (
    ("upstream_cx_connect_fail", "connections that failed"),
    ("upstream_cx_connect_timeout", "connections that timed out"),
    ("upstream_cx_overflow", "connections refused by the circuit breaker"),
    ("upstream_rq_pending_overflow", "requests refused by the circuit breaker"),
    ("upstream_rq_active_overflow", "requests refused by the circuit breaker (active)"),
    ("upstream_cx_protocol_error", "protocol errors"),
    ("upstream_rq_rx_reset", "streams reset by the backend"),
    ("upstream_rq_tx_reset", "streams reset by Envoy"),
    ("upstream_rq_timeout", "requests timed out"),
    ("upstream_rq_per_try_timeout", "tries timed out"),
    ("upstream_rq_max_duration_reached", "streams ended by max_stream_duration"),
    ("upstream_rq_pending_failure_eject", "requests whose connection failed"),
    ("upstream_cx_none_healthy", "requests without a healthy endpoint"),
    ("upstream_cx_destroy_remote_with_active_rq", "connections the backend closed in mid-call"),
    ("ssl.connection_error", "TLS errors"),
    ("ssl.fail_verify_san", "certificates with the wrong name"),
    ("ssl.fail_verify_error", "certificates not verified"),
    ("ssl.fail_verify_no_cert", "missing certificates"),
    ("outlier_detection.ejections_active", "endpoints ejected now"),
    ("lb_healthy_panic", "requests sent in panic, to whatever endpoint"),
    ("update_rejected", "updates refused"),
)
# The one that says it best where several say the same.
_IMPLIED: Final = {
    "upstream_rq_pending_failure_eject": ("upstream_cx_connect_fail", "ssl.connection_error"),
    "upstream_cx_connect_fail": ("ssl.connection_error",),
}
_UNLIMITED: Final = 1_000_000_000


def shown_cluster(proxy: Proxy, cluster: Cluster, used: bool) -> ShownCluster:
    known = cluster.status is not None or bool(cluster.endpoints) or proxy.shows("endpoints")
    in_configuration = bool(cluster.raw)
    tls, details = tls_words(cluster) if in_configuration else ("unknown", "")
    return ShownCluster(
        name=cluster.name,
        type=cluster.type if in_configuration else "",
        state=cluster.update.state.value,
        protocol=cluster.http.version.value if in_configuration else "unknown",
        decided_by=cluster.http.field if in_configuration else "",
        tls=tls,
        tls_details=details,
        healthy=cluster.healthy,
        endpoints=tuple(shown_endpoint(cluster, item) for item in cluster.endpoints),
        endpoints_known=known,
        counted=tuple(counted(proxy, cluster)),
        settings=tuple(_settings(cluster)) if in_configuration else (),
        used=used,
    )


def used_clusters(proxy: Proxy) -> frozenset[str]:
    """Those that a route or a TCP proxy in force leads to."""
    found: set[str] = set()
    for listener in proxy.serving:
        for chain in listener.all_chains:
            if chain.tcp is not None:
                found.update(chain.tcp.clusters)
            routes = None if chain.http is None else proxy.routes_of(chain.http)
            for host in () if routes is None else routes.virtual_hosts:
                for route in host.routes:
                    found.update(target.cluster for target in route.targets)
    return frozenset(found)


def shown_endpoint(cluster: Cluster, endpoint: Endpoint) -> ShownEndpoint:
    return ShownEndpoint(
        address=endpoint.address,
        healthy=endpoint.healthy,
        ailments=endpoint.ailments,
        tls=tls_name(cluster.tls_to(endpoint)),
        requests=endpoint.count("rq_total"),
        failed_connects=endpoint.count("cx_connect_fail"),
    )


def tls_name(tls: UpstreamTls | None) -> str:
    """"plaintext", "TLS", "mTLS", or the name of another transport."""
    if tls is None:
        return "plaintext"
    if tls.kind not in ("tls", "quic"):
        return tls.kind
    return "mTLS" if tls.is_mutual else "TLS"


def tls_words(cluster: Cluster) -> tuple[str, str]:
    """(one word, the details) of what is really spoken to the endpoints; "mixed" where they differ."""
    spoken = {id(tls): tls for tls in (cluster.tls_to(endpoint) for endpoint in cluster.endpoints)}
    ways = list(spoken.values())
    if not ways:  # no endpoint: what any would get
        ways = [cluster.tls] if not cluster.socket_matches else [match.tls for match in cluster.socket_matches]
    names = list(dict.fromkeys(tls_name(tls) for tls in ways))
    details = next((tls_details(tls) for tls in ways if tls is not None), "")
    return (names[0] if len(names) == 1 else "mixed"), details


def tls_details(tls: UpstreamTls) -> str:
    """`SNI a, ALPN h2, verified by ca.pem for name`."""
    sni = f"SNI {tls.sni}" if tls.sni else "SNI of the endpoint" if tls.auto_sni else "no SNI"
    alpn = f"ALPN {', '.join(tls.alpn)}" if tls.alpn else "ALPN by the HTTP version"
    if not tls.validation.is_on:
        return f"{sni}, {alpn}, not verified"
    names = f" for {', '.join(tls.validation.names[:2])}" if tls.validation.names else " for any name"
    return f"{sni}, {alpn}, verified by {tls.validation.trusted_ca}{names}"


def counted(proxy: Proxy, cluster: Cluster) -> Iterator[Counted]:
    """What was refused or failed. /clusters tells connections that failed even where counters are hidden."""
    numbers = {name: proxy.stats.cluster(cluster.stat_name, name) for name, _ in TELLING}
    failed = sum(endpoint.count("cx_connect_fail") for endpoint in cluster.endpoints)
    numbers["upstream_cx_connect_fail"] = max(numbers["upstream_cx_connect_fail"], failed)
    for name, words in TELLING:
        implied = any(numbers[better] for better in _IMPLIED.get(name, ()))
        if numbers[name] and not implied:
            yield Counted(name, numbers[name], words)


def _settings(cluster: Cluster) -> Iterator[str]:
    """What was set, in words; Envoy's defaults are said where they limit."""
    for breaker in cluster.breakers:
        said = [
            f"{name} {number:,}" if number < _UNLIMITED else f"{name} unlimited"
            for name, number in (
                ("max_connections", breaker.max_connections),
                ("max_pending_requests", breaker.max_pending_requests),
                ("max_requests", breaker.max_requests),
                ("max_retries", breaker.max_retries),
            )
        ]
        default = " (defaults)" if breaker.is_default else ""
        priority = "" if breaker.priority == "DEFAULT" else f" for priority {breaker.priority}"
        yield f"circuit breaker{priority}: {', '.join(said)}{default}"
    for check in cluster.health_checks:
        yield f"health check by {check.kind}" + (f" {check.detail}" if check.detail else "")
    if cluster.outliers is not None:
        out = cluster.outliers
        yield (
            f"outlier detection: ejects after {out.consecutive_5xx} errors in a row for "
            f"{duration_words(out.base_ejection_time)}, at most {out.max_ejection_percent}%"
        )
    pings = cluster.keepalive
    if pings.interval is not None:
        yield f"HTTP/2 PINGs every {duration_words(pings.interval)}"
    elif pings.tcp:
        yield "TCP keepalive"
    yield f"connect_timeout {cluster.connect_timeout.words}"
    if cluster.max_requests_per_connection:
        yield f"max_requests_per_connection {cluster.max_requests_per_connection:,}"
    for match in cluster.socket_matches:
        wanted = ", ".join(f"{key}={value}" for key, value in match.match.items()) or "any endpoint"
        yield f"transport socket {match.name or '(no name)'} for {wanted}: {tls_name(match.tls)}"
