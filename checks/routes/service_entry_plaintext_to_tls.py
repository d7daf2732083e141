"""service-entry-plaintext-to-tls: proxies route gRPC in clear to a TLS port outside the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._entries import destination_rule_shown, hosts_of, rules_to_entry
from grpcdoctor.checks.routes._entry_tls import add_tls, plain_ports
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD659",
    name="service-entry-plaintext-to-tls",
    severity=Severity.ERROR,
    title="gRPC goes in clear to a TLS port outside the mesh",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port in plain_ports(cluster, routed=True):
        yield port if isinstance(port, BlindSpot) else _finding(cluster, port)


def _finding(cluster: Cluster, port: EntryPort) -> Conclusion:
    host = hosts_of(port.entry)[0]
    rules = [rule for rule, _ in rules_to_entry(cluster, port) if rule.is_http]
    return about(
        RULE,
        port.entry,
        (*port.path, "protocol"),
        f"{rules[0].object.title} routes gRPC to {host}:{port.number} in clear, for no DestinationRule adds TLS",
        symptom="A route is for calls that the proxy reads, and it sends them on in clear unless a DestinationRule "
        "says otherwise. The TLS server hangs up: UNAVAILABLE (14), reset reason: connection termination.",
        evidence=tuple(seen(rule.object, rule.path) for rule in rules[:2]),
        fixes=tuple(_fixes(cluster, port)),
        related=tuple(rule.object for rule in rules),
        confidence=0.9,
    )


def _fixes(cluster: Cluster, port: EntryPort) -> Iterator[Fix]:
    there = destination_rule_shown(cluster, port)
    if there is None:
        yield add_tls(cluster, port)
        return
    tls = {"mode": "SIMPLE", "sni": hosts_of(port.entry)[0]}
    path = ("spec", "trafficPolicy", "tls")
    yield Edit(there).set(path, tls).fix(f"Have {there.title} speak TLS")
