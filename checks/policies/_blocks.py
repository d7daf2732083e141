"""The policies that DestinationRules write down, each with the gRPC ports that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.checks.policies._grpc import grpc_entry_ports, grpc_ports, is_grpc
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.hosts import covers, find_host, ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster

Port = ServicePort | EntryPort
_MOST_WILDCARD_PORTS: Final = 5


@dataclass(frozen=True, eq=False)
class Block:
    """One `trafficPolicy` or one of its `portLevelSettings`, of a host that speaks gRPC."""

    rule: Object
    path: FieldPath
    raw: dict[str, Any]
    ports: tuple[Port, ...]
    """The gRPC ports (of `every_block`: all ports) that it is in force for; empty where the host was not shown."""
    subset: str
    host: str
    """As written."""
    full: str
    above: dict[str, Any]
    """For a subset's policy: the whole host's, whose blocks it inherits."""

    @property
    def title(self) -> str:
        """`DestinationRule prod/greeter`, with the subset."""
        return f"{self.rule.title} subset {self.subset}" if self.subset else self.rule.title

    @property
    def target(self) -> str:
        """`prod/greeter:50051`, or the host as it is written."""
        return self.ports[0].title if self.ports else self.host

    @property
    def services(self) -> tuple[Object, ...]:
        return tuple(dict.fromkeys(p.service.object if isinstance(p, ServicePort) else p.entry for p in self.ports))

    @property
    def service(self) -> Service | None:
        """The one Service that it is for; None for a wildcard, a ServiceEntry and a host that was not shown."""
        found = list(dict.fromkeys(port.service for port in self.ports if isinstance(port, ServicePort)))
        return found[0] if len(found) == 1 else None

    def at(self, *path: str) -> FieldPath:
        return (*self.path, *path)

    def word(self, *path: str) -> str:
        return text_at(self.raw, *path)

    def number(self, *path: str) -> int | None:
        return number_at(self.raw, *path)


def blocks(cluster: Cluster) -> tuple[Block, ...]:
    """Of every DestinationRule whose host speaks gRPC."""
    return cluster.once(_blocks)


def every_block(cluster: Cluster) -> tuple[Block, ...]:
    """Of every DestinationRule for a host that is shown, with all its ports."""
    return cluster.once(_every_block)


def _blocks(cluster: Cluster) -> tuple[Block, ...]:
    found: list[Block] = []
    for rule in cluster.all(DESTINATION_RULE):
        full = host_of(rule)
        ports = _ports(cluster, full)
        if ports or (ports is None and says_grpc(full.partition(".")[0])):
            found += _of_rule(rule, full, ports)
    return tuple(found)


def _every_block(cluster: Cluster) -> tuple[Block, ...]:
    found: list[Block] = []
    for rule in cluster.all(DESTINATION_RULE):
        full = host_of(rule)
        target = None if full.startswith("*") else find_host(cluster, full)
        if target is not None:
            found += _of_rule(rule, full, ports_of(target))
    return tuple(found)


def _of_rule(rule: Object, full: str, ports: tuple[Port, ...] | None) -> Iterator[Block]:
    top = mapping_at(rule.raw, "spec", "trafficPolicy")
    places: list[tuple[FieldPath, dict[str, Any], str]] = [(("spec", "trafficPolicy"), top, "")]
    for index, raw in mappings_at(rule.raw, "spec", "subsets"):
        policy = mapping_at(raw, "trafficPolicy")
        places.append((("spec", "subsets", index, "trafficPolicy"), policy, text_at(raw, "name")))
    for path, raw, subset in places:
        if raw:
            yield from _of_policy(rule, path, raw, (full, subset), ports, top if subset else {})


def _of_policy(
    rule: Object,
    path: FieldPath,
    raw: dict[str, Any],
    names: tuple[str, str],
    ports: tuple[Port, ...] | None,
    above: dict[str, Any],
) -> Iterator[Block]:
    full, subset = names
    written = text_at(rule.raw, "spec", "host")
    own: set[int] = set()
    for index, settings in mappings_at(raw, "portLevelSettings"):
        number = number_at(settings, "port", "number")
        if number is None:
            continue
        own.add(number)
        fitting = tuple(port for port in ports or () if port.number == number)
        if fitting or ports is None:
            place = (*path, "portLevelSettings", index)
            yield Block(rule, place, settings, fitting, subset, written, full, {})
    rest = tuple(port for port in ports or () if port.number not in own)
    if rest or ports is None:
        yield Block(rule, path, raw, rest, subset, written, full, above)


def _ports(cluster: Cluster, full: str) -> tuple[Port, ...] | None:
    """The gRPC ports of a host; None where it was not shown."""
    if full.startswith("*"):
        return _under_wildcard(cluster, full)
    target = find_host(cluster, full)
    if target is None:
        return None
    return tuple(port for port in ports_of(target) if is_grpc(cluster, port))


def _under_wildcard(cluster: Cluster, pattern: str) -> tuple[Port, ...]:
    found: list[Port] = []
    for name, port in cluster.once(_by_name):
        if covers(pattern, name):
            found.append(port)
            if len(found) == _MOST_WILDCARD_PORTS:
                break
    return tuple(found)


def _by_name(cluster: Cluster) -> tuple[tuple[str, Port], ...]:
    named: list[tuple[str, Port]] = [(port.service.full_host, port) for port in grpc_ports(cluster)]
    return (*named, *((host, port) for port, host in grpc_entry_ports(cluster)))
