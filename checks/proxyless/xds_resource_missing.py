"""xds-resource-missing: a client dials an xds:/// name for which istiod generates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import at_owner
from grpcdoctor.checks.proxyless._clients import SIMPLE, XdsTarget, full_name, targets, template_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.hosts import find_host, ports_of, service_name_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort, find_service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD807",
    name="xds-resource-missing",
    severity=Severity.ERROR,
    title="a client dials an xds:/// name that istiod does not know",
)
READS = ROUTE_KINDS
_LATE = (
    "The client waits for a listener of that name, which never comes. For 15 seconds calls hang (DEADLINE_EXCEEDED), "
    "and "
    "then fail: UNAVAILABLE: LDS resource does not exist."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[tuple[int, str]] = set()
    for target in targets(cluster):
        if target.workload.mesh is not Mesh.PROXYLESS or (id(target.workload), target.written) in told:
            continue
        told.add((id(target.workload), target.written))
        found = _judge(cluster, target)
        if found is not None:
            yield found


def _judge(cluster: Cluster, target: XdsTarget) -> Finding | None:
    full = full_name(cluster, target)
    found = find_host(cluster, full)
    if found is None:
        return _short_name(cluster, target, full) or _unknown(cluster, target, full)
    ports = ports_of(found)
    item = found.object if isinstance(found, Service) else found
    if target.port is None:
        first = next((port.number for port in ports), 80)
        clause = "without a port, and istiod names every listener host:port"
        return _finding(cluster, target, clause, (_dial(cluster, target, f"{target.host}:{first}"),), item)
    port = next((port for port in ports if port.number == target.port), None)
    if port is None:
        if not ports:
            return None
        best = min((p.number for p in ports), key=lambda number: (number != _target_of(ports, target.port), number))
        fix = _dial(cluster, target, f"{target.host}:{best}")
        return _finding(cluster, target, f"and {item.title} has no port {target.port}", (fix,), item)
    if isinstance(port, ServicePort) and protocol_of(port).protocol.is_opaque and port.protocol == "TCP":
        return _opaque(target, port)
    return None


def _target_of(ports: object, wanted: int | None) -> int:
    """The port whose targetPort was dialled."""
    for port in ports if isinstance(ports, tuple) else ():
        if isinstance(port, ServicePort) and port.target == wanted:
            return port.number
    return -1


def _short_name(cluster: Cluster, target: XdsTarget, full: str) -> Finding | None:
    """istiod completes names of the client's own namespace only, and none for grpc-simple."""
    parts = target.host.lower().split(".")
    space = parts[1] if len(parts) > 1 else target.workload.namespace
    service = find_service(cluster, space, parts[0])
    if service is None or full.count(".") >= 3 or len(parts) > 3:
        return None
    whole = f"{parts[0]}.{space}.svc.{mesh_config(cluster).domain}"
    port = f":{target.port}" if target.port is not None else f":{service.ports[0].number}" if service.ports else ""
    why = "the template grpc-simple completes no names" if template_of(target.workload) == SIMPLE else (
        "istiod completes names of the client's own namespace only"
    )  # fmt: skip
    clause = f"and {why}: {service.title} is {whole}"
    return _finding(cluster, target, clause, (_dial(cluster, target, whole + port),), service.object)


def _unknown(cluster: Cluster, target: XdsTarget, full: str) -> Finding | None:
    named = service_name_of(full)
    if named is None:
        return None  # a host outside of the cluster: a ServiceEntry that may not be shown
    space, name = named
    known = {service.name: service for service in services(cluster) if service.namespace == space}
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    certain = cluster.has_all(SERVICE, space) and cluster.has_all(SERVICE_ENTRY)
    if not close and not certain:
        return None
    clause = f"and no Service {space}/{name} exists"
    if not close:
        missing = Fix(f"Create the Service {space}/{name} with port {target.port}, or dial one that exists")
        return _finding(cluster, target, clause, (missing,), None)
    new = target.host.replace(name, close[0], 1)
    port = f":{target.port}" if target.port is not None else ""
    fix = _dial(cluster, target, new + port)
    return _finding(cluster, target, clause, (fix,), known[close[0]].object, 1.0 if certain else 0.75)


def _finding(
    cluster: Cluster, target: XdsTarget, clause: str, fixes: tuple[Fix, ...], item: Object | None, sure: float = 1.0
) -> Finding:
    return about(
        RULE,
        target.workload.object,
        target.path,
        f"{target.workload.title} dials {target.written} {clause}",
        symptom=_LATE,
        evidence=(seen(item, (), f"{item.title} is there"),) if item is not None else (),
        fixes=fixes,
        related=(item,) if item is not None else (),
        confidence=sure,
    )


def _dial(cluster: Cluster, target: XdsTarget, name: str) -> Fix:
    owner, path = at_owner(cluster, target.workload, *target.path[len(target.workload.prefix) :])
    value = target.value.replace(target.written, f"xds:///{name}", 1)
    return Edit(owner).set(path, value).fix(f"Dial xds:///{name}")


def _opaque(target: XdsTarget, port: ServicePort) -> Finding:
    declared = protocol_of(port)
    service = port.service
    edit = Edit(service.object).set((*port.path, "appProtocol"), "kubernetes.io/h2c")
    return about(
        RULE,
        service.object,
        (*port.path, declared.field),
        f'{target.workload.title} dials {target.written}, and {declared.field} "{declared.value}" makes it opaque',
        symptom="istiod makes routes for HTTP and gRPC ports only. Calls fail: UNAVAILABLE: could not find "
        "VirtualHost in "
        "RouteConfiguration.",
        evidence=(seen(target.workload.object, target.path, f"{target.workload.title} dials {target.written}"),),
        fixes=(edit.fix("Declare HTTP/2 for the port"),),
        related=(target.workload.object,),
    )
