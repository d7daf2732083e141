"""ServiceEntries as gRPC clients use them: which ports are for gRPC, and what proxies speak to them."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import seen
from grpcdoctor.cluster.fields import texts_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.hosts import most_specific
from grpcdoctor.cluster.istio.protocol import EntryPort, entry_ports, protocol_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, policy_for
from grpcdoctor.cluster.kinds import DESTINATION_RULE, SERVICE_ENTRY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence

TLS_PORTS = frozenset((443, 8443))


def all_ports(cluster: Cluster) -> Iterator[EntryPort]:
    for entry in cluster.all(SERVICE_ENTRY):
        yield from entry_ports(entry)


def hosts_of(entry: Object) -> tuple[str, ...]:
    return texts_at(entry.raw, "spec", "hosts")


def rules_to_entry(cluster: Cluster, port: EntryPort) -> tuple[tuple[RouteRule, Backend], ...]:
    """The routes that lead to this port."""
    return tuple(cluster.once(_rules).get((id(port.entry), port.number), ()))


def grpc_hints(cluster: Cluster, port: EntryPort) -> tuple[Evidence, ...]:
    """Why gRPC is spoken there, beside the protocol that the port declares."""
    return tuple(_hints(cluster, port))[:3]


def declares_http2(port: EntryPort) -> bool:
    return protocol_of(port).protocol.is_http2


def originates_tls(cluster: Cluster, port: EntryPort) -> bool:
    """A DestinationRule has the proxies speak TLS to it, for clients in the entry's own namespace or at a gateway."""
    clients = [Client(ClientKind.SIDECAR, port.entry.namespace)]
    for rule, _ in rules_to_entry(cluster, port):
        clients += [Client(ClientKind.GATEWAY, pod.namespace) for e in rule.entrances for pod in e.workloads[:1]]
        clients.append(Client(ClientKind.SIDECAR, rule.object.namespace))
    return any(
        policy_for(cluster, client, port, host).text("tls", "mode") in ("SIMPLE", "MUTUAL", "ISTIO_MUTUAL")
        for client in dict.fromkeys(clients)
        for host in hosts_of(port.entry)
    )


def destination_rule_shown(cluster: Cluster, port: EntryPort) -> Object | None:
    """A DestinationRule for one of its hosts, whatever it says."""
    exact, wildcards = cluster.once(_destination_rules)
    for host in hosts_of(port.entry):
        if host in exact:
            return exact[host]
        wide = most_specific(wildcards, host) if wildcards else None
        if wide is not None:
            return exact[wide]
    return None


def _hints(cluster: Cluster, port: EntryPort) -> Iterator[Evidence]:
    if says_grpc(port.name):
        yield seen(port.entry, (*port.path, "name"))
    for rule, _ in rules_to_entry(cluster, port):
        match = next((match for match in rule.matches if match.looks_like_grpc), None)
        if match is not None or rule.declares_grpc:
            yield seen(rule.object, match.path if match is not None else rule.path)
            break
    for index, host in enumerate(hosts_of(port.entry)):
        if says_grpc(host.split(".")[0]) and len(entry_ports(port.entry)) == 1:
            yield seen(port.entry, ("spec", "hosts", index))
            break


def _rules(cluster: Cluster) -> dict[tuple[int, int], list[tuple[RouteRule, Backend]]]:
    found: dict[tuple[int, int], list[tuple[RouteRule, Backend]]] = {}
    for rule in routes(cluster):
        for backend in rule.backends:
            if isinstance(backend.port, EntryPort):
                found.setdefault((id(backend.port.entry), backend.port.number), []).append((rule, backend))
    return found


def _destination_rules(cluster: Cluster) -> tuple[dict[str, Object], list[str]]:
    """The DestinationRules by host, and the hosts with a wildcard."""
    found = {host_of(rule): rule for rule in cluster.all(DESTINATION_RULE)}
    return found, [host for host in found if host.startswith("*")]
