"""gRPC ports of ServiceEntries on a TLS port number, to which no DestinationRule has the proxies speak TLS."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.routes._entries import (
    TLS_PORTS,
    all_ports,
    declares_http2,
    destination_rule_shown,
    hosts_of,
    originates_tls,
    rules_to_entry,
)  # fmt: skip
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Fix


def plain_ports(cluster: Cluster, routed: bool) -> Iterator[EntryPort | BlindSpot]:
    """Those that HTTP routes lead to, or those that none leads to."""
    for port in all_ports(cluster):
        has_route = any(rule.is_http for rule, _ in rules_to_entry(cluster, port))
        if port.target not in TLS_PORTS or not declares_http2(port):
            continue
        if has_route is not routed or not hosts_of(port.entry):
            continue
        if originates_tls(cluster, port) or text_at(port.entry.raw, "spec", "location") == "MESH_INTERNAL":
            continue
        if not cluster.has_all(DESTINATION_RULE) and destination_rule_shown(cluster, port) is None:
            yield BlindSpot(
                f"DestinationRule for {hosts_of(port.entry)[0]}",
                f"{port.title} is declared {port.protocol}, and whether proxies speak TLS to it was not shown",
                blocks_verdict=False,
            )
        else:
            yield port


def add_tls(cluster: Cluster, port: EntryPort) -> Fix:
    """A DestinationRule that has the proxies speak TLS, or the words for the one that is there."""
    host = hosts_of(port.entry)[0]
    there = destination_rule_shown(cluster, port)
    if there is not None:
        return Fix(f"Or add `trafficPolicy: {{tls: {{mode: SIMPLE, sni: {host}}}}}` to {there.title}")
    manifest = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": port.entry.name, "namespace": port.entry.namespace},
        "spec": {"host": host, "trafficPolicy": {"tls": {"mode": "SIMPLE", "sni": host}}},
    }
    return create(manifest, f"Have the proxies speak TLS to {host}; the applications then speak plaintext to it")
