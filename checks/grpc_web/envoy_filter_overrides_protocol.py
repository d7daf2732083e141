"""envoy-filter-overrides-protocol: an EnvoyFilter sets the HTTP version of a cluster, whatever the Service declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import find_host, full_host
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.kinds import ENVOY_FILTER
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD775",
    name="envoy-filter-overrides-protocol",
    severity=Severity.ERROR,
    title="an EnvoyFilter has proxies speak HTTP/1.1 to a gRPC server, whatever its Service declares",
)
READS = ROUTE_KINDS

_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HTTP1: Final = ("http_protocol_options", "httpProtocolOptions")
_EXPLICIT: Final = ("explicit_http_config", "explicitHttpConfig")
_TYPED: Final = ("typed_extension_protocol_options", "typedExtensionProtocolOptions")
_LEGACY: Final = ("http2_protocol_options", "http2ProtocolOptions", "protocol_selection", "protocolSelection")


Ports = Callable[[Cluster], dict[int | None, list[ServicePort]]]


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in cluster.all(ENVOY_FILTER):
        for index, raw in mappings_at(item.raw, "spec", "configPatches"):
            if text_at(raw, "applyTo") != "CLUSTER" or text_at(raw, "patch", "operation") != "MERGE":
                continue
            path: FieldPath = ("spec", "configPatches", index)
            value = mapping_at(raw, "patch", "value")
            if _to_http1(value):
                yield from _http1(cluster, item, path, raw)
            legacy = next((name for name in _LEGACY if name in value), None)
            if legacy is not None:
                yield from _legacy(cluster, item, path, raw, legacy)


def _to_http1(value: dict[str, Any]) -> bool:
    for typed in _TYPED:
        options = mapping_at(value, typed, _OPTIONS)
        if any(name in mapping_at(options, word) for word in _EXPLICIT for name in _HTTP1):
            return True
    return False


def _http1(cluster: Cluster, item: Object, path: FieldPath, raw: dict[str, Any]) -> Iterator[Finding]:
    port = next(_grpc_ports(cluster, raw, _known), None)
    if port is None:
        return
    yield about(
        RULE,
        item,
        (*path, "patch", "value"),
        f"{item.title} has proxies speak HTTP/1.1 to {port.service.title} port {port.number}, a gRPC server",
        symptom="What it merges into the cluster counts before the port's name and appProtocol. Clients get "
        "UNAVAILABLE: "
        "upstream connect error or disconnect/reset before headers. reset reason: protocol error.",
        evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in intent_of(cluster, port).grpc[:2]),
        fixes=(_without(item, path),),
        related=(port.service.object,),
    )


def _legacy(cluster: Cluster, item: Object, path: FieldPath, raw: dict[str, Any], name: str) -> Iterator[Finding]:
    """Fields that Envoy reads only where the typed options are absent; it refuses some of their combinations."""
    port = next(_grpc_ports(cluster, raw, _undeclared), None)
    if port is None:
        return
    edit = Edit(port.service.object).set((*port.path, "appProtocol"), "kubernetes.io/h2c")
    gone = _without(item, path)
    declared = edit.fix(f"Declare HTTP/2 at {port.service.title} instead, and drop the patch")
    both = Fix(declared.summary, patch=declared.patch or gone.patch, changes=(*declared.changes, *gone.changes))
    yield about(
        RULE,
        item,
        (*path, "patch", "value", name),
        f"{item.title} sets {name} of the cluster of {port.service.title}, a field that Envoy has replaced",
        symptom="Where Istio sets the new typed options, this field is not read, and the server gets HTTP/1.1. "
        "Clients get "
        "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error.",
        evidence=(seen(port.service.object, port.path, f"the port does not declare HTTP/2: {_declared(port)}"),),
        fixes=(both,),
        related=(port.service.object,),
        severity=Severity.WARNING,
        confidence=0.7,
    )


def _declared(port: ServicePort) -> str:
    return f"appProtocol {port.app_protocol}" if port.app_protocol else f'its name is "{port.name}"'


def _grpc_ports(cluster: Cluster, raw: dict[str, Any], which: Ports) -> Iterator[ServicePort]:
    """The gRPC servers whose clusters the patch matches, of those that `which` gives by number (None: all)."""
    if text_at(raw, "match", "context") == "SIDECAR_INBOUND":
        return  # matched by port, or the local cluster of whatever workload
    match = mapping_at(raw, "match", "cluster")
    number = number_at(match, "portNumber")
    host = text_at(match, "service")
    name = text_at(match, "name")
    if name:
        parts = name.split("|")
        if len(parts) != 4:
            return
        number, host = (int(parts[1]) if parts[1].isdigit() and len(parts[1]) < 6 else None), parts[3]
    ports = cluster.once(which)
    if not host:
        yield from ports.get(number, ())
        return
    found = find_host(cluster, full_host(host, ""))
    for port in found.ports if isinstance(found, Service) else ():
        if number in (None, port.number) and any(port is one for one in ports.get(port.number, ())):
            yield port


def _known(cluster: Cluster) -> dict[int | None, list[ServicePort]]:
    """The ports of all gRPC servers."""
    found: dict[int | None, list[ServicePort]] = {None: []}
    for service in services(cluster):
        for port in service.ports:
            if intent_of(cluster, port).is_grpc:
                found[None].append(port)
                found.setdefault(port.number, []).append(port)
    return found


def _undeclared(cluster: Cluster) -> dict[int | None, list[ServicePort]]:
    """Those of them that do not declare HTTP/2."""
    known = cluster.once(_known)
    return {
        number: [port for port in ports if not protocol_of(port).protocol.is_http2] for number, ports in known.items()
    }


def _without(item: Object, path: FieldPath) -> Fix:
    if len(items_at(item.raw, "spec", "configPatches")) > 1:
        return Edit(item).remove(path).fix("Remove the patch: the Service's port says what is spoken")
    return delete(item, "Delete it: the Service's port says what is spoken")
