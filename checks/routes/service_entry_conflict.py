"""service-entry-conflict: two ServiceEntries declare one host and port, with protocols that differ."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._entries import all_ports, grpc_hints, hosts_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.hosts import seen_together
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD661",
    name="service-entry-conflict",
    severity=Severity.ERROR,
    title="two ServiceEntries declare one port with different protocols",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, int]] = set()
    for (host, _), ports in _by_host(cluster).items():
        right = next((port for port in ports if protocol_of(port).protocol.is_http2), None)
        if right is None or len(ports) < 2:
            continue
        for port in ports:
            key = (id(port.entry), port.index)
            wrong = not protocol_of(port).protocol.is_http2 and port.entry is not right.entry
            if wrong and key not in done and seen_together(port.entry, right.entry):
                done.add(key)
                yield _finding(cluster, host, port, right)


def _by_host(cluster: Cluster) -> dict[tuple[str, int], list[EntryPort]]:
    found: dict[tuple[str, int], list[EntryPort]] = {}
    for port in all_ports(cluster):
        for host in dict.fromkeys(hosts_of(port.entry)):
            found.setdefault((host.lower(), port.number), []).append(port)
    return found


def _finding(cluster: Cluster, host: str, port: EntryPort, right: EntryPort) -> Conclusion:
    edit = Edit(port.entry).set((*port.path, "protocol"), right.protocol)
    return about(
        RULE,
        port.entry,
        (*port.path, "protocol"),
        f"{port.entry.title} declares {host}:{port.number} {port.protocol or '(no protocol)'}, and "
        f"{right.entry.title} declares it {right.protocol}",
        symptom="Which of the two counts for a proxy is not defined, and may change when one is applied anew. Where it "
        f"is {port.protocol or 'none'}, calls can fail: UNAVAILABLE (14), protocol error, connection termination.",
        evidence=(seen(right.entry, (*right.path, "protocol")), *grpc_hints(cluster, right)),
        fixes=(edit.fix(f"Declare it {right.protocol} in both, or keep only one of the two"),),
        related=(right.entry,),
    )
