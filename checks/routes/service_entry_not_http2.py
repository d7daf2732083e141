"""service-entry-not-http2: the port of a ServiceEntry for a gRPC server is not declared gRPC or HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._entries import TLS_PORTS, all_ports, grpc_hints, hosts_of, originates_tls, rules_to_entry
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.protocol import EntryPort, Protocol, protocol_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD657",
    name="service-entry-not-http2",
    severity=Severity.ERROR,
    title="a ServiceEntry does not say that its port speaks gRPC",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port in all_ports(cluster):
        protocol = protocol_of(port).protocol
        if protocol.is_http2 or protocol not in (Protocol.HTTP, Protocol.HTTP_PROXY, Protocol.TCP, Protocol.AUTO):
            continue
        hints = grpc_hints(cluster, port)
        if hints and not (protocol is Protocol.AUTO and port.protocol):
            yield from _judge(cluster, port, hints)


def _judge(cluster: Cluster, port: EntryPort, hints: tuple[Evidence, ...]) -> Iterator[Conclusion]:
    spoken = _spoken(cluster, port)
    if Spoken.HTTP1 in spoken:
        severity, effect = Severity.ERROR, "speak HTTP/1.1 to it"
        symptom = (
            "A gRPC server hangs up on HTTP/1.1. Clients get UNAVAILABLE (14): upstream connect error or "
            "disconnect/reset before headers. reset reason: protocol error."
        )
    elif Spoken.TCP in spoken:
        severity, effect = Severity.INFO, "hand its bytes on unread"
        symptom = (
            "Calls work as plain TCP: one connection goes to one server, and they have no routes, retries, timeouts "
            "and gRPC metrics."
        )
    else:
        return
    yield about(
        RULE,
        port.entry,
        (*port.path, "protocol"),
        f"{port.title} is for gRPC and has the protocol {port.protocol or '(none)'}, so proxies {effect}",
        symptom=f"What a ServiceEntry's port speaks is what `protocol` says; its name counts for nothing. {symptom}",
        evidence=hints,
        fixes=tuple(_fixes(cluster, port)),
        related=tuple(rule.object for rule, _ in rules_to_entry(cluster, port)),
        severity=severity,
        confidence=0.9,
    )


def _spoken(cluster: Cluster, port: EntryPort) -> set[Spoken]:
    """What the proxies that routes name speak to it; without routes, the sidecars of its namespace."""
    found = {backend.upstream.spoken for rule, backend in rules_to_entry(cluster, port) if rule.is_http}
    if not found:
        client = Client(ClientKind.SIDECAR, port.entry.namespace)
        found = {upstream_of(cluster, client, port, host).spoken for host in hosts_of(port.entry)}
    return found


def _fixes(cluster: Cluster, port: EntryPort) -> Iterator[Fix]:
    def edit(word: str, summary: str) -> Fix:
        return Edit(port.entry).set((*port.path, "protocol"), word).fix(summary)

    grpc = edit("GRPC", "Declare it GRPC")
    if port.number in TLS_PORTS and not originates_tls(cluster, port):
        yield edit("TLS", "Declare it TLS, where the applications themselves speak TLS")
        grpc = edit("GRPC", "Declare it GRPC, where the applications speak plaintext and a DestinationRule adds TLS")
    yield grpc
