"""envoy-circuit-breaker-open: a limit on connections or requests to a cluster is reached, or was."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy, said
from grpcdoctor.envoy.clusters import Breaker, Cluster
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD908",
    name="envoy-circuit-breaker-open",
    severity=Severity.ERROR,
    title="a circuit breaker refuses calls",
)
ASKS = ("config_dump", "stats")

# limit -> (the gauge that is 1 while it is reached, the counter of what it refused)
_LIMITS = {
    "max_requests": ("circuit_breakers.default.rq_open", "upstream_rq_active_overflow"),
    "max_pending_requests": ("circuit_breakers.default.rq_pending_open", "upstream_rq_pending_overflow"),
    "max_connections": ("circuit_breakers.default.cx_open", "upstream_cx_overflow"),
}
# Reaching this one refuses nothing by itself: calls share the connections that there are, or wait.
_HARMLESS = "max_connections"


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        for name, (gauge, counter) in _LIMITS.items():
            refused = proxy.stats.cluster(cluster.stat_name, counter)
            is_open = bool(proxy.stats.cluster(cluster.stat_name, gauge)) and name != _HARMLESS
            if (refused and name != _HARMLESS) or is_open:
                yield _finding(proxy, cluster, name, refused, is_open)
                break


def _finding(proxy: Proxy, cluster: Cluster, name: str, refused: int, is_open: bool) -> Conclusion:
    breaker = cluster.breakers[0]
    state = "is open" if is_open else "was open"
    often = f" and has refused {refused:,} calls" if refused else ""
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"the circuit breaker {name} ({getattr(breaker, name)}) of cluster {cluster.name} {state}{often}",
        symptom="UNAVAILABLE, upstream connect error … reset reason: overflow. A gRPC stream holds its slot until it "
        "ends, so long streams fill a limit that was meant for short requests.",
        evidence=[*counted(proxy, cluster.stat_name, *(each for pair in _LIMITS.values() for each in pair)),
                  said(_words(breaker), "config_dump")],
        fixes=(Fix("Raise it, or find out why the backend is slow (Istio: connectionPool of the DestinationRule)",
                   patch=f"circuit_breakers:\n  thresholds: [{{{name}: 10000}}]"),),
        field="circuit_breakers",
        severity=Severity.ERROR if is_open else Severity.WARNING,
    )  # fmt: skip


def _words(breaker: Breaker) -> str:
    shown = ", ".join(f"{name} {getattr(breaker, name)}" for name in _LIMITS)
    return f"{shown}{' (the defaults)' if breaker.is_default else ''}"
