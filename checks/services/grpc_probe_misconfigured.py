"""grpc-probe-misconfigured: the kubelet asks a gRPC server in a way that it cannot answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._owners import annotation_in_owner, in_owner, once_each
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, flag_at, mapping_at, number_at, text_at
from grpcdoctor.cluster.intent import intent_of, says_grpc
from grpcdoctor.cluster.istio.mtls import STRICT, server_mode
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD514",
    name="grpc-probe-misconfigured",
    severity=Severity.ERROR,
    title="the kubelet's probe is one that a gRPC server cannot answer",
    explains=("service-no-ready-endpoints",),
)
READS = ROUTE_KINDS
REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers"


@dataclass(frozen=True)
class _Probe:
    """One probe of one container, with the Service that leads to its workload."""

    service: Any
    workload: Workload
    container: Container
    name: str
    raw: dict[str, Any]
    path: FieldPath

    @property
    def words(self) -> str:
        return f"{self.workload.title}: the {self.name} of container {self.container.name}"


@dataclass(frozen=True)
class _Trouble:
    field: FieldPath
    message: str
    symptom: str
    fix: Fix
    confidence: float


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, FieldPath]] = set()
    for service in services(cluster):
        ports = [port for port in service.ports if intent_of(cluster, port).may_be_grpc or _named(port)]
        for workload in once_each(cluster, service.distinct_workloads) if ports else ():
            if workload.is_ready or workload.mesh is Mesh.GATEWAY:
                continue  # a ready pod's probes are answered
            for container in workload.containers:
                for name, raw, path in container.probes:
                    probe = _Probe(service, workload, container, name, raw, path)
                    trouble = _trouble(cluster, probe, ports)
                    if trouble is not None and (id(workload), path) not in done:
                        done.add((id(workload), path))
                        yield _finding(probe, trouble)


def _named(port: ServicePort) -> bool:
    return any(says_grpc(p.name) for w in port.service.workloads[:1] for p in w.ports if p.number == port.number_in(w))


def _finding(probe: _Probe, trouble: _Trouble) -> Conclusion:
    return about(
        RULE,
        probe.workload.object,
        trouble.field,
        trouble.message,
        symptom=f"{trouble.symptom} {_effect(probe.name)}",
        evidence=(seen(probe.workload.object, probe.path),),
        fixes=(trouble.fix,),
        related=(probe.service.object,),
        confidence=trouble.confidence,
    )


def _effect(name: str) -> str:
    if name == "readinessProbe":
        return "The pod never gets ready, and clients get UNAVAILABLE: no healthy upstream (or connection refused)."
    return "The kubelet restarts the container again and again, and clients get UNAVAILABLE."


def _trouble(cluster: Cluster, probe: _Probe, ports: list[ServicePort]) -> _Trouble | None:
    if mapping_at(probe.raw, "grpc"):
        return _named_port(cluster, probe) or _over_tls(cluster, probe, ports) or _rewrite_off(cluster, probe) or (
            _not_served(cluster, probe, ports)
        )
    if mapping_at(probe.raw, "httpGet"):
        return _http_on_grpc(cluster, probe, ports) or _rewrite_off(cluster, probe)
    return None


def _named_port(cluster: Cluster, probe: _Probe) -> _Trouble | None:
    name = at(probe.raw, "grpc", "port")
    if not isinstance(name, str) or number_at(probe.raw, "grpc", "port") is not None:
        return None
    number = next((port.number for port in probe.workload.ports if port.name == name), 50051)
    owner, field = in_owner(cluster, probe.workload, probe.container, (*probe.path, "grpc", "port"))
    return _Trouble(
        (*probe.path, "grpc", "port"),
        f'{probe.words} asks port "{name}", and a gRPC probe takes numbers only',
        "Kubernetes refuses the object, so the pods are not made anew.",
        Edit(owner).set(field, number).fix(f"Give the number: {number}"),
        1.0,
    )


def _over_tls(cluster: Cluster, probe: _Probe, ports: list[ServicePort]) -> _Trouble | None:
    number = number_at(probe.raw, "grpc", "port")
    port = _service_port(probe, ports, number)
    if port is None or text_at(probe.raw, "grpc", "mode").upper() == "TLS" or not intent_of(cluster, port).serves_tls:
        return None
    owner, field = in_owner(cluster, probe.workload, probe.container, probe.path)
    command = ["/bin/grpc_health_probe", f"-addr=:{number}", "-tls", "-tls-no-verify"]
    edit = Edit(owner).set((*field, "exec"), {"command": command}).remove((*field, "grpc"))
    hint = intent_of(cluster, port).tls[0]
    return _Trouble(
        (*probe.path, "grpc"),
        f"{probe.words} speaks plaintext, and port {number} serves TLS",
        f'The probe fails ({hint.text}): timeout: failed to connect service ":{number}".',
        edit.fix("Ask with grpc_health_probe -tls (the program must be in the image); from Kubernetes 1.37 mode: TLS"),
        0.8,
    )


def _rewrite_off(cluster: Cluster, probe: _Probe) -> _Trouble | None:
    """Without the rewriting, the kubelet's plaintext comes to a sidecar that takes mTLS only."""
    workload = probe.workload
    if workload.mesh is not Mesh.SIDECAR or flag_at(workload.annotations, REWRITE) is not False:
        return None
    number = number_at(probe.raw, "grpc", "port") or number_at(probe.raw, "httpGet", "port")
    if mapping_at(probe.raw, "grpc") and any(number in port.target_numbers for port in probe.service.ports):
        return None  # mtls-strict-plaintext-client says it
    excluded = workload.annotations.get("traffic.sidecar.istio.io/excludeInboundPorts", "")
    mode = server_mode(cluster, workload, number)
    if number is None or mode.mode != STRICT or str(number) in re.split(r"\s*,\s*", excluded):
        return None
    owner, path = annotation_in_owner(cluster, workload, REWRITE)
    decided = mode.object.title if mode.object is not None else "PeerAuthentication"
    return _Trouble(
        workload.path("metadata", "annotations", REWRITE),
        f"{probe.words} is in plaintext, and {decided} demands mTLS",
        "Istio rewrites probes so that the sidecar's agent answers for the application; the annotation turns that off.",
        Edit(owner).remove(path).fix("Let Istio rewrite the probe"),
        1.0,
    )


def _not_served(cluster: Cluster, probe: _Probe, ports: list[ServicePort]) -> _Trouble | None:
    """The port is declared nowhere, is named nowhere, and one gRPC port is."""
    number = number_at(probe.raw, "grpc", "port")
    declared = {p.number for p in probe.workload.ports}
    served = sorted({n for port in ports for n in port.target_numbers if n in declared})
    if number is None or number in declared or len(served) != 1 or _mentioned(probe.workload, number):
        return None
    if any(number in port.target_numbers for port in probe.service.ports):
        return None
    owner, field = in_owner(cluster, probe.workload, probe.container, (*probe.path, "grpc", "port"))
    return _Trouble(
        (*probe.path, "grpc", "port"),
        f"{probe.words} asks port {number}, and the gRPC server is on {served[0]}",
        "Nothing seems to listen on the port of the probe: connection refused.",
        Edit(owner).set(field, served[0]).fix(f"Ask port {served[0]}"),
        0.7,
    )


def _mentioned(workload: Workload, number: int) -> bool:
    pattern = re.compile(rf"(?<!\d){number}(?!\d)")
    words = (w for c in workload.containers for w in (*c.words, *c.environment.values()))
    return any(pattern.search(word) for word in words)


def _http_on_grpc(cluster: Cluster, probe: _Probe, ports: list[ServicePort]) -> _Trouble | None:
    target = text_at(probe.raw, "httpGet", "port")
    here = [p for p in probe.container.ports if target in (p.name, str(p.number)) and says_grpc(p.name)]
    if not here or _service_port(probe, ports, here[0].number) is None:
        return None
    number = here[0].number
    owner, field = in_owner(cluster, probe.workload, probe.container, probe.path)
    edit = Edit(owner).set((*field, "grpc"), {"port": number}).remove((*field, "httpGet"))
    return _Trouble(
        (*probe.path, "httpGet"),
        f"{probe.words} is an HTTP/1.1 GET on the gRPC port {number}",
        r'A gRPC server answers with HTTP/2 frames: the events say malformed HTTP response "\x00\x00\x18\x04…".',
        edit.fix("Ask with gRPC (the server must have the health service grpc.health.v1.Health)"),
        0.8,
    )


def _service_port(probe: _Probe, ports: list[ServicePort], number: int | None) -> ServicePort | None:
    return next((port for port in ports if number is not None and number in port.target_numbers), None)
