"""upgrade-policy-conflict: a DestinationRule's HTTP version settings contradict each other, or the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, Port, blocks, every_block
from grpcdoctor.checks.policies._grpc import is_grpc
from grpcdoctor.checks.policies._http import is_accepted
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, flag_at, text_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.istio.upstream import inbound_of
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD708",
    name="upgrade-policy-conflict",
    severity=Severity.ERROR,
    title="a DestinationRule has the wrong HTTP version spoken",
)
READS = ROUTE_KINDS

_UPGRADE: Final = ("connectionPool", "http", "h2UpgradePolicy")
_FOLLOW: Final = ("connectionPool", "http", "useClientProtocol")
_HTTP: Final = (Protocol.HTTP, Protocol.HTTP_PROXY)
_PROTOCOL_ERROR: Final = (
    "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error"
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        upgrade, follows = block.word(*_UPGRADE), flag_at(block.raw, *_FOLLOW) is True
        if upgrade == "UPGRADE" and follows:
            yield _both(cluster, block)
        elif upgrade == "DO_NOT_UPGRADE" and block.ports and all(protocol_of(p).protocol.is_http2 for p in block.ports):
            yield _no_downgrade(block)
        if follows and upgrade != "UPGRADE":
            yield from _grpc_web(cluster, block)
    for block in every_block(cluster):
        if block.word(*_UPGRADE) == "UPGRADE" and flag_at(block.raw, *_FOLLOW) is not True:
            for port in block.ports:
                yield from _upgraded(cluster, block, port)


def _both(cluster: Cluster, block: Block) -> Conclusion:
    accepted = is_accepted(cluster, block.rule)
    return about(
        RULE,
        block.rule,
        block.at(*_UPGRADE),
        f"{block.title} sets both h2UpgradePolicy: UPGRADE and useClientProtocol for {block.target}",
        symptom="It was taken, and useClientProtocol wins: nothing is upgraded."
        if accepted
        else "kubectl apply fails with: use client protocol must not be true when H2UpgradePolicy is UPGRADE. "
        "Nothing of this DestinationRule takes effect.",
        evidence=(seen(block.rule, block.at(*_FOLLOW)),),
        fixes=(
            Edit(block.rule).remove(block.at(*_FOLLOW)).fix("Remove useClientProtocol"),
            Edit(block.rule).remove(block.at(*_UPGRADE)).fix("Or remove h2UpgradePolicy"),
        ),
        severity=Severity.INFO if accepted else None,
        related=block.services,
    )


def _no_downgrade(block: Block) -> Conclusion:
    return about(
        RULE,
        block.rule,
        block.at(*_UPGRADE),
        f"{block.title} sets DO_NOT_UPGRADE for {block.target}, which is declared HTTP/2 and stays so",
        symptom="The policy is for ports that are HTTP/1.1; one that is declared grpc or http2 is HTTP/2 whatever it "
        "says. An HTTP/1.1 server there gives UNAVAILABLE: protocol error all the same.",
        fixes=(Edit(block.rule).remove(block.at(*_UPGRADE)).fix("Remove h2UpgradePolicy, which does nothing here"),),
        severity=Severity.INFO,
        related=block.services,
    )


def _grpc_web(cluster: Cluster, block: Block) -> Iterator[Conclusion]:
    for port in block.ports:
        cause = _web_clients(cluster, port, block.subset)
        if cause is not None and protocol_of(port).protocol.is_http2:
            item, path = cause
            yield about(
                RULE,
                block.rule,
                block.at(*_FOLLOW),
                f"{block.title} sets useClientProtocol for {block.target}, and gRPC-Web clients speak HTTP/1.1",
                symptom="A gRPC-Web call that comes in as HTTP/1.1 goes on as HTTP/1.1, and the gRPC server hangs "
                f"up: the client gets 502, or {_PROTOCOL_ERROR}.",
                evidence=(seen(item, path),),
                fixes=(
                    Edit(block.rule)
                    .remove(block.at(*_FOLLOW))
                    .fix("Remove useClientProtocol: the port is declared HTTP/2, and that is what the server speaks"),
                ),
                confidence=0.8,
                related=(*block.services, item),
            )
            return


def _web_clients(cluster: Cluster, port: Port, subset: str) -> tuple[Object, FieldPath] | None:
    """What says that gRPC-Web comes in: the port itself, or a gateway's server that leads there."""
    if not isinstance(port, ServicePort):
        return None
    if protocol_of(port).protocol is Protocol.GRPC_WEB:
        return port.service.object, (*port.path, protocol_of(port).field)
    for rule, backend in rules_to(cluster, port):
        for entrance in rule.entrances if backend.subset == subset or not subset else ():
            path = (*entrance.path, "port", "protocol")
            if entrance.object.kind is ISTIO_GATEWAY and _word(entrance.object, path).upper() == "GRPC-WEB":
                return entrance.object, path
    return None


def _upgraded(cluster: Cluster, block: Block, port: Port) -> Iterator[Conclusion]:
    if not isinstance(port, ServicePort):
        return
    protocol = protocol_of(port).protocol
    intent = intent_of(cluster, port)
    sidecar = any(workload.mesh is Mesh.SIDECAR for workload in port.service.workloads)
    if is_grpc(cluster, port):
        if protocol in _HTTP and sidecar and inbound_of(cluster, port, port.service.full_host)[0] is Spoken.HTTP1:
            yield _only_outbound(block, port)
    elif intent.is_http1:
        by_gateway = any(rule.platform == "istio" and rule.entrances for rule, _ in rules_to(cluster, port))
        if (protocol in _HTTP and not sidecar) or (protocol is Protocol.AUTO and by_gateway):
            hint = intent.http1[0]
            yield about(
                RULE,
                block.rule,
                block.at(*_UPGRADE),
                f"{block.title} has HTTP/2 spoken to {port.title}, which serves HTTP/1.1",
                symptom="The application hangs up on HTTP/2 that it does not know: clients get 502, those of gRPC "
                f"{_PROTOCOL_ERROR}.",
                evidence=(seen(hint.object, hint.path, hint.text),),
                fixes=(Edit(block.rule).remove(block.at(*_UPGRADE)).fix("Remove h2UpgradePolicy"),),
                confidence=0.7,
                related=(port.service.object,),
            )


def _only_outbound(block: Block, port: ServicePort) -> Conclusion:
    found = protocol_of(port)
    return about(
        RULE,
        block.rule,
        block.at(*_UPGRADE),
        f'{block.title} upgrades {port.title} for clients only: its {found.field} "{found.value}" still says HTTP/1.1',
        symptom="UPGRADE is for the way out. The server's own sidecar goes by the port's declaration and speaks "
        f"HTTP/1.1 to the gRPC server: clients get {_PROTOCOL_ERROR}.",
        evidence=(seen(port.service.object, (*port.path, found.field)),),
        fixes=(
            Edit(port.service.object)
            .set((*port.path, "appProtocol"), "kubernetes.io/h2c")
            .fix("Declare HTTP/2 with appProtocol: kubernetes.io/h2c, for all proxies; UPGRADE is not needed then"),
        ),
        related=(port.service.object,),
    )


def _word(item: Object, path: FieldPath) -> str:
    return text_at(item.raw, *path)
