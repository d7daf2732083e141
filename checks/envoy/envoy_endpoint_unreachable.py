"""envoy-endpoint-unreachable: every connection that Envoy tried to an endpoint failed."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy, said
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.endpoints import Endpoint
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD909",
    name="envoy-endpoint-unreachable",
    severity=Severity.ERROR,
    title="Envoy cannot connect to endpoints of a cluster",
)
ASKS = ("clusters",)

_NAMES_SHOWN = 5


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        dead = [endpoint for endpoint in cluster.endpoints if _is_dead(endpoint)]
        if dead:
            yield _finding(proxy, cluster, dead)


def _is_dead(endpoint: Endpoint) -> bool:
    """It may have been down for a while long ago; then connections that came to stand tell."""
    failed = endpoint.count("cx_connect_fail")
    return failed > 0 and failed >= endpoint.count("cx_total") and not endpoint.count("rq_success")


def _finding(proxy: Proxy, cluster: Cluster, dead: list[Endpoint]) -> Conclusion:
    names = ", ".join(endpoint.address for endpoint in dead[:_NAMES_SHOWN])
    every = len(dead) == len(cluster.endpoints)
    tls = cluster.tls is not None or bool(cluster.socket_matches)
    host, _, port = dead[0].address.rpartition(":")
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"no connection to {names} of cluster {cluster.name} ever came to stand",
        symptom="UNAVAILABLE, upstream connect error … reset reason: remote connection failure. Nothing listens there, "
        "or a policy drops the packets" + ("; TLS that fails counts as a failed connection, too." if tls else "."),
        evidence=[
            *(said(f"{each.address}: cx_connect_fail {each.count('cx_connect_fail')} of cx_total "
                   f"{each.count('cx_total')}", "clusters") for each in dead[:_NAMES_SHOWN]),
            *counted(proxy, cluster.stat_name, "upstream_cx_connect_fail", "upstream_cx_connect_timeout"),
        ],
        fixes=(Fix("Have the server listen on that port on all addresses (0.0.0.0), or correct the port; a policy "
                   "that leaves Envoy out looks alike", command=f"nc -vz {host or 'HOST'} {port or 'PORT'}"),),
        severity=Severity.ERROR if every else Severity.WARNING,
        confidence=0.8 if tls else 0.95,
    )  # fmt: skip
