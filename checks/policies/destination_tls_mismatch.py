"""destination-tls-mismatch: a DestinationRule has the client's proxy speak other TLS than the server takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._clients import Sender, senders_to
from grpcdoctor.checks.policies._grpc import bypasses_sidecar, grpc_ports
from grpcdoctor.checks.policies._lost_tls import MISMATCH as RULE
from grpcdoctor.checks.policies._lost_tls import lost_tls
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.destination_rules import Located
from grpcdoctor.cluster.istio.mesh import has_istio, mesh_config
from grpcdoctor.cluster.istio.mtls import DISABLE, STRICT, server_mode
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.istio.upstream import policy_for
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Severity

READS = ROUTE_KINDS

_ORIGINATES: Final = ("SIMPLE", "MUTUAL")
_REFUSED: Final = (
    "The server's sidecar hangs up on a connection without mTLS. Clients get UNAVAILABLE: upstream connect error or "
    "disconnect/reset before headers. reset reason: connection termination."
)
_NO_SIDECAR: Final = (
    "The proxy begins a TLS handshake with Istio's certificate, and a server without a sidecar does not answer it. "
    "Clients get UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: remote "
    "connection failure."
)
_PLAINTEXT: Final = (
    "The proxy begins an ordinary TLS handshake, and nothing there answers it: the access log says "
    "WRONG_VERSION_NUMBER or a reset. Clients get UNAVAILABLE: … reset reason: remote connection failure."
)


@dataclass(frozen=True)
class _Case:
    """`why` ends the message; `broken` are the workloads that do not take what is sent."""

    why: str
    symptom: str
    broken: tuple[Workload, ...]
    evidence: tuple[Evidence, ...] = ()
    related: tuple[Object, ...] = ()
    confidence: float = 1.0


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port in grpc_ports(cluster):
        if port.service.workloads:
            yield from _judge(cluster, port)
    yield from lost_tls(cluster)


def _judge(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    grouped: dict[tuple[int, tuple[str | int, ...]], tuple[Located, list[Sender]]] = {}
    bare: list[Sender] = []
    for sender in senders_to(cluster, port):
        found = policy_for(cluster, sender.client, port, port.service.full_host, sender.subset).find("tls")
        if found is None:
            bare.append(sender)
        else:
            grouped.setdefault((id(found.object), found.path), (found, []))[1].append(sender)
    for found, senders in grouped.values():
        mode = Located(found.value, found.object, (*found.path, "mode"))
        case = _case(cluster, port, text_at(found.value, "mode") or DISABLE)
        if case is not None and case.broken:
            yield _finding(cluster, port, mode, senders, case)
    if bare and not mesh_config(cluster).auto_mtls:
        yield from _without_auto_mtls(cluster, port)


def _case(cluster: Cluster, port: ServicePort, mode: str) -> _Case | None:
    if mode == DISABLE:
        return _plaintext_to_strict(cluster, port)
    if mode == "ISTIO_MUTUAL":
        return _mtls_to_none(cluster, port)
    return _tls_to_plaintext(cluster, port) if mode in _ORIGINATES else None


def _plaintext_to_strict(cluster: Cluster, port: ServicePort) -> _Case | None:
    strict = [(w, server_mode(cluster, w, n)) for w, n in _numbers(port) if w.mesh is Mesh.SIDECAR]
    strict = [(w, mode) for w, mode in strict if mode.mode == STRICT]
    if not strict:
        return None
    first = strict[0][1]
    assert first.object is not None
    return _Case(
        f"and {first.object.title} is STRICT",
        _REFUSED,
        tuple(w for w, _ in strict),
        (seen(first.object, first.path),),
        (first.object,),
    )


def _mtls_to_none(cluster: Cluster, port: ServicePort) -> _Case | None:
    without = tuple(w for w, _ in _numbers(port) if w.mesh is Mesh.NONE)
    if without:
        own = intent_of(cluster, port).serves_tls
        return _Case(f"and {without[0].title} has no sidecar", _NO_SIDECAR, without,
                     confidence=0.7 if own else 1.0)  # fmt: skip
    for workload in port.service.workloads:
        number = port.number_in(workload)
        if workload.mesh is not Mesh.SIDECAR or number is None:
            continue
        if bypasses_sidecar(workload, number):
            return _Case(f"and {workload.title} excludes the port from its sidecar",
                         _NO_SIDECAR, (workload,))  # fmt: skip
        mode = server_mode(cluster, workload, number)
        if mode.mode == DISABLE and mode.object is not None:
            evidence = (seen(mode.object, mode.path),)
            return _Case(f"and {mode.object.title} turns mTLS off", _NO_SIDECAR, (workload,), evidence,
                         (mode.object,))  # fmt: skip
    return None


def _tls_to_plaintext(cluster: Cluster, port: ServicePort) -> _Case | None:
    if protocol_of(port).protocol.is_http:
        behind = tuple(
            w for w, n in _numbers(port) if w.mesh is Mesh.SIDECAR and server_mode(cluster, w, n).mode != DISABLE
        )
        if behind and not _has_own_listeners(cluster, port):
            why = "and its sidecars take mTLS or plaintext"
            return _Case(why, _PLAINTEXT, behind)
    if port.app_protocol == "kubernetes.io/h2c" and all(w.mesh is Mesh.NONE for w in port.service.workloads):
        why = 'and its appProtocol "kubernetes.io/h2c" says plaintext HTTP/2'
        return _Case(why, _PLAINTEXT, port.service.workloads, confidence=0.9)
    for workload, container, number in port.containers():
        for name, probe, path in container.probes:
            if workload.mesh is Mesh.NONE and number_at(probe, "grpc", "port") == number:
                why = f"and its gRPC {name} shows that it speaks plaintext"
                return _Case(why, _PLAINTEXT, (workload,), (seen(workload.object, path),), confidence=0.9)
    return None


def _has_own_listeners(cluster: Cluster, port: ServicePort) -> bool:
    """A Sidecar with `ingress[].tls` ends ordinary TLS itself."""
    return any(
        mapping_at(listener, "tls")
        for item in cluster.in_namespace(SIDECAR, port.service.namespace)
        for _, listener in mappings_at(item.raw, "spec", "ingress")
    )


def _numbers(port: ServicePort) -> list[tuple[Workload, int]]:
    """(workload, its port), without those whose sidecar does not see the traffic."""
    found = [(workload, port.number_in(workload)) for workload in port.service.workloads]
    return [(w, n) for w, n in found if n is not None and not bypasses_sidecar(w, n)]


def _finding(cluster: Cluster, port: ServicePort, mode: Located, senders: list[Sender], case: _Case) -> Finding:
    item = mode.object
    some = len(case.broken) < len(port.service.workloads)
    word = text_at(mode.value, "mode") or "DISABLE (no mode)"
    who = senders[0].words + (f" and {len(senders) - 1} more" if len(senders) > 1 else "")
    routes = tuple(sender.route for sender in senders if sender.route is not None)
    return about(
        RULE,
        item,
        mode.path,
        f"{item.title} sets tls {word} for {port.service.title}, {case.why}",
        symptom=f"This is port {port.number}, as {who} see it. {case.symptom}",
        evidence=(*case.evidence, *(seen(w.object, ()) for w in case.broken[:2])),
        fixes=tuple(_fixes(cluster, port, mode)),
        related=(port.service.object, *case.related, *routes),
        severity=Severity.WARNING if some else None,
        confidence=case.confidence,
    )


def _fixes(cluster: Cluster, port: ServicePort, mode: Located) -> Iterator[Fix]:
    block = mode.path[:-1]
    meshed = all(w.mesh is Mesh.SIDECAR for w in port.service.workloads)
    if mesh_config(cluster).auto_mtls:
        yield Edit(mode.object).remove(block).fix("Remove the tls block: the mesh then uses mTLS wherever it is taken")
    if meshed and text_at(mode.value, "mode") != "ISTIO_MUTUAL":
        yield Edit(mode.object).set(block, {"mode": "ISTIO_MUTUAL"}).fix("Speak Istio's mTLS: every sidecar takes it")
    elif not mesh_config(cluster).auto_mtls:
        yield Edit(mode.object).set(block, {"mode": DISABLE}).fix("Speak plaintext, as the server does")


def _without_auto_mtls(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    case = _plaintext_to_strict(cluster, port)
    if case is None:
        return
    mesh, policy = mesh_config(cluster).object, case.related[0]
    mode = server_mode(cluster, case.broken[0], port.number_in(case.broken[0]))
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": f"{port.service.name}-mtls", "namespace": port.service.namespace},
        "spec": {"host": port.service.full_host, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
    }
    yield about(
        RULE,
        policy,
        mode.path,
        f"{policy.title} is STRICT for {port.service.title}, and meshConfig turns auto mTLS off",
        symptom=_REFUSED,
        evidence=(seen(mesh, ("data",), "meshConfig has enableAutoMtls: false"),) if mesh is not None else (),
        fixes=(create(rule, "Have every proxy speak mTLS to it"),),
        related=(port.service.object, *((mesh,) if mesh is not None else ())),
    )
