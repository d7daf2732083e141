"""Calls: the gRPC targets that a workload is told to dial, by its arguments and variables, such as GREETER_ADDR."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at, texts_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.kinds import NAMESPACE
from grpcdoctor.cluster.services import Service, find_service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Workload, distinct_workloads

# host:port, alone or after a scheme that gRPC clients know; http:// and redis:// are other protocols.
_TARGET: Final = re.compile(
    r"^(?:(?P<scheme>dns|grpcs?):(?://[\w.:-]*/|//|/+)?)?"
    r"(?P<host>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,6})\.?"
    r":(?P<port>\d{2,5})/?$"
)
_LONGEST: Final = 300
_GRPC_PORTS: Final = range(50051, 50061)
_OWN: Final = ("localhost", "host", "127")


@dataclass(frozen=True, eq=False)
class Call:
    """`service` and `namespace` are what the host name means inside the cluster."""

    workload: Workload
    container: Container
    path: FieldPath
    """Of the variable's value, or of the argument."""
    text: str
    """`GREETER_ADDR=greeter.prod:50051`, or the argument."""
    target: str
    """`greeter.prod:50051` as it is written, with its scheme."""
    value: str
    """The whole field, of which the target is a part."""
    host: str
    port: int
    namespace: str
    service: str
    says_grpc: bool
    """Its scheme, the variable's name or the port says gRPC."""


def calls(cluster: Cluster) -> tuple[Call, ...]:
    """Of every workload. Names outside the cluster are left out."""
    return cluster.once(_calls)


def callers_of(cluster: Cluster, service: Service) -> tuple[Call, ...]:
    """The calls that name this Service, without those of its own pods."""
    found = cluster.once(_by_service).get((service.namespace, service.name), ())
    own = {id(workload) for workload in service.workloads}
    return tuple(call for call in found if id(call.workload) not in own)


def service_called(cluster: Cluster, call: Call) -> Service | None:
    return find_service(cluster, call.namespace, call.service)


def _calls(cluster: Cluster) -> tuple[Call, ...]:
    spaces = {item.name for item in cluster.all(NAMESPACE)} | {service.namespace for service in services(cluster)}
    return tuple(
        call
        for workload in distinct_workloads(cluster)
        for container in workload.containers
        for call in _of_container(workload, container, spaces)
    )


def _of_container(workload: Workload, container: Container, spaces: set[str]) -> Iterator[Call]:
    for name, value, path in _words(container):
        if ":" not in value or len(value) > _LONGEST:
            continue
        key, equals, rest = value.partition("=")
        option, target = (key, rest) if equals else (name, value)
        match = _TARGET.match(target.strip().lower())
        if match is None or not 0 < int(match["port"]) < 65536:
            continue
        place = _place(match["host"], workload, spaces)
        if place is None:
            continue
        text = f"{name}={value}" if name and not name.startswith("-") else f"{name} {value}".strip()
        strong = match["scheme"] in ("grpc", "grpcs") or says_grpc(option) or int(match["port"]) in _GRPC_PORTS
        yield Call(
            workload, container, path, text, target.strip(), value, match["host"], int(match["port"]), *place, strong
        )


def _words(container: Container) -> Iterator[tuple[str, str, FieldPath]]:
    """(the variable's name or the option before it, the value, its path)."""
    for index, item in mappings_at(container.raw, "env"):
        yield text_at(item, "name"), text_at(item, "value"), (*container.path, "env", index, "value")
    for key in ("command", "args"):
        before = ""
        for index, word in enumerate(texts_at(container.raw, key)):
            yield before, word, (*container.path, key, index)
            before = word if word.startswith("-") and "=" not in word else ""


def _place(host: str, workload: Workload, spaces: set[str]) -> tuple[str, str] | None:
    """(namespace, Service) that a host name means for a pod of this namespace; None for a name of elsewhere."""
    parts = host.split(".")
    if parts[0] in _OWN or parts[0].isdigit() or (len(parts) == 1 and host in _aliases(workload)):
        return None
    if len(parts) == 1:
        return workload.namespace, host
    if "svc" in parts[2:]:
        where = parts.index("svc", 2)
        return parts[where - 1], parts[where - 2]
    if len(parts) == 2 and parts[1] in spaces:
        return parts[1], parts[0]
    return None


def _aliases(workload: Workload) -> set[str]:
    listed = mappings_at(workload.spec, "hostAliases")
    return {name for _, alias in listed for name in texts_at(alias, "hostnames")} | {workload.name}


def _by_service(cluster: Cluster) -> dict[tuple[str, str], list[Call]]:
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls(cluster):
        found.setdefault((call.namespace, call.service), []).append(call)
    return found
