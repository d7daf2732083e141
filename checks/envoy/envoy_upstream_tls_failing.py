"""envoy-upstream-tls-failing: handshakes with the endpoints of a cluster fail, and how."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy
from grpcdoctor.checks.envoy._grpc import addresses, spoken
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD905",
    name="envoy-upstream-tls-failing",
    severity=Severity.ERROR,
    title="TLS from Envoy to a backend fails",
    explains=("envoy-endpoint-unreachable",),
)
ASKS = ("config_dump", "stats")

_FEW = 0.1
"""A share of failed handshakes that restarts of pods explain."""
# What failed -> (in words, what to do). The surest first.
_REASONS = {
    "ssl.fail_verify_san": ("the certificate has another name than Envoy asks for",
                            "Correct `sni` and the names to verify (match_typed_subject_alt_names; Istio: sni and "
                            "subjectAltNames in the DestinationRule), or the certificate"),
    "ssl.fail_verify_error": ("the certificate is not trusted",
                              "Give the cluster the CA that issued it (validation_context.trusted_ca; Istio: "
                              "caCertificates in the DestinationRule)"),
    "ssl.fail_verify_cert_hash": ("the certificate is not the pinned one", "Renew the pinned hash, or pin the CA"),
    "ssl.fail_verify_no_cert": ("the backend shows no certificate", "Give the backend a certificate"),
    "ssl.connection_error": ("the backend answers with something that is not TLS, or refuses the handshake",
                             "Remove transport_socket from the cluster if the backend serves plaintext (Istio: "
                             "tls.mode DISABLE in the DestinationRule), or have it speak TLS"),
}  # fmt: skip
_COUNTERS = (*_REASONS, "ssl.handshake", "upstream_cx_connect_fail")


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        failed = {name: number for name in _REASONS if (number := proxy.stats.cluster(cluster.stat_name, name))}
        done = proxy.stats.cluster(cluster.stat_name, "ssl.handshake")
        if sum(failed.values()) > done * _FEW:
            yield _finding(proxy, cluster, next(iter(failed)), done)


def _finding(proxy: Proxy, cluster: Cluster, reason: str, done: int) -> Conclusion:
    words, fix = _REASONS[reason]
    at = f" ({addresses(cluster)})" if cluster.endpoints else ""
    often = "TLS" if not done else "part of the TLS handshakes"
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"{often} to cluster {cluster.name}{at} fails: {words}",
        symptom="No connection comes to stand: UNAVAILABLE, upstream connect error … reset reason: remote connection "
        "failure, the same text as for a port that refuses.",
        evidence=[*counted(proxy, cluster.stat_name, *_COUNTERS), spoken(cluster)],
        fixes=(Fix(fix),),
        field="transport_socket",
        severity=Severity.WARNING if done else Severity.ERROR,
        confidence=0.9 if reason == "ssl.connection_error" else 1.0,
    )
