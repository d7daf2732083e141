"""Who names whom: hosts of Services and ServiceEntries in the arguments and variables of other workloads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, texts_at
from grpcdoctor.cluster.istio.protocol import EntryPort, entry_ports
from grpcdoctor.cluster.kinds import SERVICE_ENTRY
from grpcdoctor.cluster.services import Service, ServicePort, find_service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, distinct_workloads

_LONGEST: Final = 2000
_HOST: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.]*)://+)?(?<![\w.@-])"
    r"(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)\.?"
    r"(?::(?P<port>\d{1,5}))?(?![\w-])"
)


@dataclass(frozen=True, eq=False)
class Mention:
    """`text` is a clause: `GREETER_ADDR=greeter.prod:50051 in container web`."""

    workload: Workload
    text: str
    path: FieldPath
    scheme: str
    port: ServicePort | EntryPort
    host: str


def mentions_of(cluster: Cluster, port: ServicePort | EntryPort) -> tuple[Mention, ...]:
    """Other workloads that name this port's host (with this port, or a full name and no port)."""
    key = port.path, id(port.service.object if isinstance(port, ServicePort) else port.entry)
    return tuple(cluster.once(_mentions).get(key, ()))


def _mentions(cluster: Cluster) -> dict[tuple[FieldPath, int], list[Mention]]:
    entries = {
        host.lower(): entry_ports(entry)
        for entry in cluster.all(SERVICE_ENTRY)
        for host in texts_at(entry.raw, "spec", "hosts")
    }
    found: dict[tuple[FieldPath, int], list[Mention]] = {}
    for workload in distinct_workloads(cluster):
        for text, path, value in _values(workload):
            for match in _HOST.finditer(value[:_LONGEST].lower()):
                for port in _named(cluster, entries, workload, match["host"], match["port"]):
                    holder = port.service.object if isinstance(port, ServicePort) else port.entry
                    mention = Mention(workload, text, path, match["scheme"] or "", port, match["host"])
                    found.setdefault((port.path, id(holder)), []).append(mention)
    return found


def _values(workload: Workload) -> Iterator[tuple[str, FieldPath, str]]:
    for container in workload.containers:
        for name, value in container.environment.items():
            yield f"{name}={value} in container {container.name}", container.environment_path(name), value
        for word in container.words:
            yield f"{word} in container {container.name}", container.path, word


def _named(
    cluster: Cluster, entries: dict[str, tuple[EntryPort, ...]], workload: Workload, host: str, number: str | None
) -> Iterator[ServicePort | EntryPort]:
    wanted = int(number) if number else None
    for entry_port in entries.get(host, ()):
        if wanted in (entry_port.number, None):
            yield entry_port
    service = _service(cluster, workload.namespace, host, wanted is not None)
    if service is None or any(workload is one for one in service.workloads):
        return
    for port in service.ports:
        if wanted == port.number or (wanted is None and len(service.ports) == 1):
            yield port


def _service(cluster: Cluster, namespace: str, host: str, has_port: bool) -> Service | None:
    """`name`, `name.namespace` (both with a port only) or `name.namespace.svc…`."""
    parts = host.split(".")
    if len(parts) == 1:
        return find_service(cluster, namespace, host) if has_port else None
    if len(parts) == 2:
        return find_service(cluster, parts[1], parts[0]) if has_port else None
    return find_service(cluster, parts[1], parts[0]) if parts[2] == "svc" else None
