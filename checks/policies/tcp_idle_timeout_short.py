"""tcp-idle-timeout-short: quiet connections to a gRPC server are cut, because the port is plain TCP to the proxies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import blocks
from grpcdoctor.checks.policies._cluster import opaque_grpc_ports
from grpcdoctor.checks.policies._http import seconds, shown
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.istio.proxy_config import proxy_settings
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD716",
    name="tcp-idle-timeout-short",
    severity=Severity.WARNING,
    title="quiet gRPC connections are cut by a TCP idle timeout",
)
READS = ROUTE_KINDS

_FIELD: Final = ("connectionPool", "tcp", "idleTimeout")
_WHOLE: Final = ("spec", "trafficPolicy")
_VARIABLES: Final = (("proxyMetadata", "ISTIO_META_IDLE_TIMEOUT"), ("environmentVariables", "ISTIO_META_IDLE_TIMEOUT"))
_SHORT: Final = 600.0


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        value = seconds(block.word(*_FIELD))
        opaque = bool(block.ports) and all(protocol_of(port).protocol.is_opaque for port in block.ports)
        # A TCP proxy reads the whole host's setting alone (networkfilter.go).
        if value and value < _SHORT and opaque and block.path == _WHOLE:
            path = block.at(*_FIELD)
            fix = Edit(block.rule).set(path, "3600s").fix("Raise it to an hour, which is Envoy's default")
            message = f"{block.title} cuts connections to {block.target} after {shown(value)} without a byte"
            yield _finding((block.rule, path), message, fix, (), block.services)
    ports = opaque_grpc_ports(cluster)
    for settings in proxy_settings(cluster) if ports else ():
        for variable in _VARIABLES:
            value = seconds(text_at(settings.values, *variable))
            if value and value < _SHORT:
                port = ports[0]
                fix = settings.edit(variable, "1h").fix("Raise it to an hour, which is Envoy's default")
                message = (
                    f"{settings.object.title} has ISTIO_META_IDLE_TIMEOUT {shown(value)}, which cuts quiet "
                    f"connections to {port.title}"
                )
                cause = seen(port.service.object, (*port.path, protocol_of(port).field))
                yield _finding((settings.object, settings.path), message, fix, (cause,), (port.service.object,))


def _finding(
    place: tuple[Object, FieldPath],
    message: str,
    fix: Fix,
    evidence: tuple[Evidence, ...],
    related: tuple[Object, ...],
) -> Conclusion:
    return about(
        RULE,
        *place,
        message,
        symptom="The port is opaque TCP for the proxies, so they see bytes and no calls: a stream that is quiet for "
        "so long ends with UNAVAILABLE: Socket closed, or connection reset by peer. On a port declared grpc only "
        "unused connections would end.",
        evidence=evidence,
        fixes=(fix, Fix("Or have clients send keepalive pings (GRPC_ARG_KEEPALIVE_TIME_MS) more often than that")),
        confidence=0.7,
        related=related,
    )
