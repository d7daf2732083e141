"""service-entry-tls-misdeclared: a TLS port outside the mesh is declared GRPC, as if the calls came in clear."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._entries import hosts_of
from grpcdoctor.checks.routes._entry_tls import add_tls, plain_ports
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD658",
    name="service-entry-tls-misdeclared",
    severity=Severity.ERROR,
    title="a TLS port outside the mesh is declared GRPC, and nothing adds TLS",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port in plain_ports(cluster, routed=False):
        yield port if isinstance(port, BlindSpot) else _finding(cluster, port)


def _finding(cluster: Cluster, port: EntryPort) -> Conclusion:
    closed = mesh_config(cluster).registry_only
    host = hosts_of(port.entry)[0]
    own_tls = "are reset: UNAVAILABLE (14)" if closed else "pass by the ServiceEntry, without its settings and metrics"
    edit = Edit(port.entry).set((*port.path, "protocol"), "TLS")
    return about(
        RULE,
        port.entry,
        (*port.path, "protocol"),
        f"{port.title} is declared {port.protocol} on a TLS port, and no DestinationRule adds TLS",
        symptom=f"{port.protocol} means that applications speak plaintext to their proxy. Those reach a TLS server "
        f"in clear: UNAVAILABLE (14), connection termination. Those that speak TLS to {host} themselves {own_tls}.",
        fixes=(
            edit.fix("Declare it TLS, where the applications themselves speak TLS"),
            add_tls(cluster, port),
        ),
        severity=Severity.ERROR if closed else Severity.WARNING,
        confidence=0.9 if closed else 0.8,
    )
