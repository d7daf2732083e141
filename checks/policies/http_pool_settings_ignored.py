"""http-pool-settings-ignored: settings of HTTP/2 connections for a port that proxies do not know as HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, Port, blocks
from grpcdoctor.checks.policies._fixes import together
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, flag_at
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD726",
    name="http-pool-settings-ignored",
    severity=Severity.INFO,
    title="HTTP/2 settings for a port that is not declared HTTP/2",
)
READS = ROUTE_KINDS

_HTTP: Final = ("connectionPool", "http")
_FIELDS: Final = ("maxConcurrentStreams", "http2KeepAlive")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        written = [field for field in _FIELDS if at(block.raw, *_HTTP, field) is not None]
        if not written or not block.ports:
            continue
        follows = flag_at(block.raw, *_HTTP, "useClientProtocol") is True
        ignoring = [port for port in block.ports if follows or not _is_http2(block, port)]
        if len(ignoring) == len(block.ports):
            yield _finding(block, written[0], ignoring[0], follows)


def _finding(block: Block, field: str, port: Port, follows: bool) -> Conclusion:
    path = block.at(*_HTTP, field)
    holder = port.service.object if isinstance(port, ServicePort) else port.entry
    found = protocol_of(port)
    because, cause = "it is not declared HTTP/2", seen(holder, (*port.path, found.field))
    field_of_it, value = ("appProtocol", "grpc") if isinstance(port, ServicePort) else ("protocol", "GRPC")
    fix = Edit(holder).set((*port.path, field_of_it), value).fix(f"Declare gRPC with {field_of_it}: {value}")
    if follows:
        because, cause = "useClientProtocol is on", seen(block.rule, block.at(*_HTTP, "useClientProtocol"))
        stop = Edit(block.rule).remove(block.at(*_HTTP, "useClientProtocol")).fix("Remove useClientProtocol")
        fix = stop if found.protocol.is_http2 else together("Remove useClientProtocol, and declare gRPC", stop, fix)
    return about(
        RULE,
        block.rule,
        path,
        f"{block.title} sets {field} for {block.target} in vain: {because}",
        symptom="Istio writes maxConcurrentStreams and http2KeepAlive only for ports that are HTTP/2 by declaration. "
        "Dead connections are found late: calls hang until DEADLINE_EXCEEDED.",
        evidence=(cause,),
        fixes=(fix,),
        related=block.services,
    )


def _is_http2(block: Block, port: Port) -> bool:
    found = protocol_of(port).protocol
    upgraded = block.word(*_HTTP, "h2UpgradePolicy") == "UPGRADE"
    return found.is_http2 or (upgraded and found in (Protocol.HTTP, Protocol.HTTP_PROXY, Protocol.AUTO))
