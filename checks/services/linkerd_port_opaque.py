"""linkerd-port-opaque: Linkerd takes a gRPC port for opaque TCP, and balances connections, not calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._linkerd import grpc_ports
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, text_at
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.kinds import LINKERD_SERVER
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD561",
    name="linkerd-port-opaque",
    severity=Severity.WARNING,
    title="Linkerd takes a gRPC port for opaque TCP",
)
READS = (*ROUTE_KINDS, LINKERD_SERVER)

_H2C: Final = "kubernetes.io/h2c"
_READ: Final = ("http", _H2C, "kubernetes.io/ws", "kubernetes.io/wss")
_OPAQUE: Final = "config.linkerd.io/opaque-ports"
_SKIP: Final = "config.linkerd.io/skip-inbound-ports"
_SYMPTOM: Final = (
    "Calls work, but each connection stays with one pod, and there are no gRPC metrics, retries or routes. Under load "
    "some pods answer late (DEADLINE_EXCEEDED) while others are idle."
)
_BY_PROTOCOL: Final = ("opaque", "tls")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port, meshed, intent in grpc_ports(cluster):
        if intent.serves_tls:
            continue  # TLS of its own is opaque to Linkerd whatever is declared
        if port.app_protocol is not None and not _is_read(port.app_protocol):
            yield _by_app_protocol(port, intent)
        elif port.app_protocol is None:
            yield from _by_annotations(cluster, port, meshed[0], intent)
        yield from _by_server(cluster, port, meshed[0], intent)


def _is_read(app_protocol: str) -> bool:
    return app_protocol in _READ or app_protocol.startswith("linkerd.io/")


def _by_app_protocol(port: ServicePort, intent: Intent) -> Conclusion:
    item = port.service.object
    path: FieldPath = (*port.path, "appProtocol")
    return about(
        RULE,
        item,
        path,
        f'{item.title} port {port.number} has appProtocol "{port.app_protocol}", which Linkerd takes for opaque TCP',
        symptom=f"{_SYMPTOM} It depends on the version: Linkerd reads appProtocol since 2.18.",
        evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:2]),
        fixes=(Edit(item).set(path, _H2C).fix(f"Say {_H2C}, which Linkerd and every gateway understand"),),
        confidence=0.9,
    )


def _by_annotations(cluster: Cluster, port: ServicePort, workload: Workload, intent: Intent) -> Iterator[Conclusion]:
    """opaque-ports of the Service (its ports) or of the pods (their ports); skip-inbound-ports of the pods."""
    inner = port.number_in(workload)
    owner, prefix = owner_of(cluster, workload)
    places = (
        (port.service.object, (), _OPAQUE, port.number),
        (owner, prefix, _OPAQUE, inner),
        (owner, prefix, _SKIP, inner),
    )
    for item, base, name, number in places:
        path: FieldPath = (*base, "metadata", "annotations", name)
        value = text_at(item.raw, *path)
        if number is None or not _lists(value, number):
            continue
        yield about(
            RULE,
            item,
            path,
            f"{item.title} lists the gRPC port {number} in {name}",
            symptom=_SYMPTOM,
            evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:2]),
            fixes=(_without(item, path, value, number),),
            related=(port.service.object,),
        )


def _lists(value: str, number: int) -> bool:
    return any(_covers(word.strip(), number) for word in value.split(",") if word.strip())


def _covers(word: str, number: int) -> bool:
    first, dash, last = word.partition("-")
    if not dash:
        return word == str(number)
    return first.isdecimal() and last.isdecimal() and len(word) < 12 and int(first) <= number <= int(last)


def _without(item: Object, path: FieldPath, value: str, number: int) -> Fix:
    words = [word.strip() for word in value.split(",") if word.strip()]
    kept = [word for word in words if not _covers(word, number)]
    for word in words:
        first, dash, last = word.partition("-")
        if dash and _covers(word, number):
            below = f"{first}-{number - 1}" if int(first) < number else ""
            above = f"{number + 1}-{last}" if number < int(last) else ""
            kept += [part for part in (below, above) if part]
    if not kept:
        return Edit(item).remove(path).fix("Remove the annotation: Linkerd's own list has no gRPC port")
    return Edit(item).set(path, ",".join(kept)).fix(f"Take {number} out of the list")


def _by_server(cluster: Cluster, port: ServicePort, workload: Workload, intent: Intent) -> Iterator[Conclusion]:
    """A Server's proxyProtocol says how the pods' own proxies read the port."""
    number = port.number_in(workload)
    names = {declared.name for declared in workload.ports if declared.number == number and declared.name}
    servers = cluster.once(_opaque_servers)
    for item in (server for word in (str(number), *names) for server in servers.get((workload.namespace, word), ())):
        if match_labels_selects(mapping_at(item.spec, "podSelector"), workload.labels):
            protocol = text_at(item.spec, "proxyProtocol")
            yield about(
                RULE,
                item,
                ("spec", "proxyProtocol"),
                f"{item.title} has Linkerd read the gRPC port {number} of {port.service.title} as {protocol}",
                symptom="The pods' proxies hand the bytes on unread: no gRPC metrics, and no policy by method.",
                evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:2]),
                fixes=(Edit(item).set(("spec", "proxyProtocol"), "gRPC").fix("Have Linkerd read it as gRPC"),),
                related=(port.service.object,),
            )


def _opaque_servers(cluster: Cluster) -> dict[tuple[str, str], list[Object]]:
    """(namespace, port's number or name) -> the Servers that have it read as bytes."""
    found: dict[tuple[str, str], list[Object]] = {}
    for item in cluster.all(LINKERD_SERVER):
        opaque = text_at(item.spec, "proxyProtocol").lower() in _BY_PROTOCOL
        if opaque and mapping_at(item.spec, "podSelector"):
            found.setdefault((item.namespace, text_at(item.spec, "port")), []).append(item)
    return found
