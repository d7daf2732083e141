"""headless-behind-mesh: clients with a sidecar call a gRPC server by a headless Service, and get no load balancing."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, callers_of
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.checks.services._ports import grpc_ports, hints, istio_routes, pods_behind
from grpcdoctor.checks.services._twins import balanced_manifest, common_twin
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD511",
    name="headless-behind-mesh",
    severity=Severity.WARNING,
    title="clients with a sidecar call a gRPC server by a headless Service",
)
READS = PATH_KINDS
_ROUND_ROBIN = "round_robin"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port, intent in grpc_ports(cluster):
        if not port.service.is_headless:
            continue
        sidecars = [c for c in callers_of(cluster, port.service) if c.workload.mesh is Mesh.SIDECAR and _fits(c, port)]
        routed = [r for r, _ in istio_routes(cluster, port) if r.in_mesh]
        if sidecars or routed:
            yield _judge(cluster, port, intent, sidecars)


def _fits(call: Call, port: ServicePort) -> bool:
    """It dials this port of the Service as a whole (not one pod of it by name), and balances by nothing of its own."""
    words = (*call.container.words, *call.container.environment.values())
    one_pod = call.host.split(".")[0] != call.service
    if one_pod or any(_ROUND_ROBIN in word for word in words):
        return False
    return call.port in (port.number, *port.target_numbers)


def _judge(cluster: Cluster, port: ServicePort, intent: Intent, sidecars: list[Call]) -> Conclusion:
    service = port.service
    route = next((r.object for r, _ in istio_routes(cluster, port) if r.in_mesh), None)
    client = f"{sidecars[0].workload.title} dials it" if sidecars else "a route leads sidecars to it"
    many = pods_behind(service) > 1
    spread = "All calls of a channel reach one pod, and after" if many else "After"
    return about(
        RULE,
        service.object,
        ("spec", "clusterIP"),
        f"{service.title} is headless, and {client} in the mesh",
        symptom="For a headless Service a sidecar sends on to the very address that the client has resolved. "
        f"{spread} a restart of that pod the sidecar keeps sending to its old address: UNAVAILABLE (connection "
        "failure) until the client resolves anew.",
        evidence=(
            *(seen(call.workload.object, call.path, f"{call.workload.title}: {call.text}") for call in sidecars[:2]),
            *hints(intent.grpc, 1),
        ),
        fixes=(_fix(cluster, port, sidecars),) if sidecars else (_words(port),),
        related=(*(call.workload.object for call in sidecars), *((route,) if route is not None else ())),
        severity=None if many else Severity.INFO,
        confidence=0.8,
    )


def _fix(cluster: Cluster, port: ServicePort, sidecars: list[Call]) -> Fix:
    """Clients dial a Service with an address, made for them where there is none."""
    service = port.service
    twin = common_twin(cluster, service, port)
    made = None if twin is not None else create(balanced_manifest(service), "")
    name = twin.name if twin is not None else f"{service.name}-lb"
    number = port.number
    if twin is not None:
        its = next((p for p in twin.ports if set(p.target_numbers) & set(port.target_numbers)), None)
        number = its.number if its is not None else number
    edits = []
    for call in sidecars:
        owner, path = in_owner(cluster, call.workload, call.container, call.path)
        host = call.host.replace(call.service, name, 1)
        value = call.value.replace(f"{call.host}:{call.port}", f"{host}:{number}")
        edits.append(Edit(owner).set(path, value).fix(""))
    parts = [made, *edits] if made is not None else edits
    return Fix(
        f"Let meshed clients dial {name}, a Service with an address of its own, which their sidecars balance by call",
        patch="\n---\n".join((part.patch or f"# {part.command}").rstrip() for part in parts),
        changes=tuple(change for part in parts for change in part.changes),
    )


def _words(port: ServicePort) -> Fix:
    return create(
        balanced_manifest(port.service),
        f"Create {port.service.name}-lb, with an address of its own, and let the routes and the clients name it",
    )


