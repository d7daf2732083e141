"""service-missing: a gRPC client dials a Service that does not exist, or a StatefulSet names one."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, calls, service_called
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import mapping_at, number_at, text_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.hosts import find_host, full_host
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY, STATEFUL_SET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import ContainerPort, Workload
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD510",
    name="service-missing",
    severity=Severity.ERROR,
    title="a workload refers to a Service that does not exist",
)
READS = ROUTE_KINDS
# Near misses are looked for by comparing names: for more unknown names than this it would take long.
_MOST_LOOKED_FOR = 300


def check(cluster: Cluster) -> Iterator[Conclusion]:
    names = {item.full_name for item in cluster.all(SERVICE)}
    reported: set[tuple[str, ...]] = set()
    for call in calls(cluster):
        key: tuple[str, ...] = (call.workload.namespace, call.container.name, call.text, call.service)
        if key not in reported and _is_unknown(cluster, call):
            reported.add(key)
            yield from _judge_call(cluster, call, names)
    for item in cluster.all(STATEFUL_SET):
        name = text_at(item.spec, "serviceName")
        if name and cluster.get(SERVICE, item.namespace, name) is None:
            yield from _judge_stateful_set(cluster, item, name)


def _is_unknown(cluster: Cluster, call: Call) -> bool:
    if service_called(cluster, call) is not None:
        return False
    full = full_host(call.service, call.namespace)
    return find_host(cluster, full) is None and find_host(cluster, call.host) is None


def _judge_call(cluster: Cluster, call: Call, names: set[str]) -> Iterator[Conclusion]:
    near = _near(cluster, call)
    known = cluster.has_all(SERVICE, call.namespace) and cluster.has_all(SERVICE_ENTRY)
    wanted = f"{call.namespace}/{call.service}"
    if not (call.says_grpc or near is not None):
        return
    if not known and near is None:
        if names:  # with no Service shown at all, nobody expects us to know them
            yield BlindSpot(
                f"whether Service {wanted} exists, which {call.workload.title} dials",
                "it is not among the objects that were shown",
                decide=f"kubectl -n {call.namespace} get service {call.service}",
                blocks_verdict=False,
            )
        return
    yield about(
        RULE,
        call.workload.object,
        call.path,
        f"{call.workload.title} dials {call.target}, and there is no Service {wanted}",
        symptom="The name does not resolve. The client's calls get UNAVAILABLE: DNS resolution failed for "
        f"{call.target} (in Go: name resolver error: produced zero addresses).",
        evidence=(seen(near, ("metadata", "name"), f"{near.title} is there"),) if near is not None else (),
        fixes=_fixes(cluster, call, near),
        related=(near,) if near is not None else (),
        confidence=0.9 if known else 0.75,
    )


def _near(cluster: Cluster, call: Call) -> Object | None:
    """A Service whose name is nearly that, in the same namespace."""
    slips = cluster.once(_no_slips_yet)
    key = (call.namespace, call.service)
    if key not in slips:
        if len(slips) >= _MOST_LOOKED_FOR:
            return None
        slips[key] = slip_among(call.service, (item.name for item in cluster.in_namespace(SERVICE, call.namespace)))
    slip = slips[key]
    return cluster.get(SERVICE, call.namespace, slip) if slip is not None else None


def _no_slips_yet(_cluster: Cluster) -> dict[tuple[str, str], str | None]:
    return {}


def _fixes(cluster: Cluster, call: Call, near: Object | None) -> tuple[Fix, ...]:
    owner, path = in_owner(cluster, call.workload, call.container, call.path)
    if near is None:
        command = f"kubectl -n {call.namespace} get services"
        return (Fix(f"Name a Service that is there in {call.text}, or create it", command=command),)
    before, after = call.host, call.host.replace(call.service, near.name, 1)
    value = call.value.replace(before, after)
    return (Edit(owner).set(path, value).fix(f"Dial {near.name}"),)


def _judge_stateful_set(cluster: Cluster, item: Object, name: str) -> Iterator[Conclusion]:
    workload = Workload(item, ("spec", "template"), None)
    port = _grpc_port(workload)
    near = slip_among(name, (service.name for service in cluster.in_namespace(SERVICE, item.namespace)))
    known = cluster.has_all(SERVICE, item.namespace)
    if port is None or (not known and near is None):
        return
    fix = _governing(item, name, port, workload)
    if near is not None:
        summary = f"Name Service {near} (serviceName cannot be changed in place: delete the StatefulSet, apply it anew)"
        fix = Edit(item).set(("spec", "serviceName"), near).fix(summary)
    yield about(
        RULE,
        item,
        ("spec", "serviceName"),
        f"{item.title} names the Service {name} as its own, and there is none in {item.namespace}",
        symptom=f"The pods have no names of their own in DNS. A client of {item.name}-0.{name} gets UNAVAILABLE: DNS "
        "resolution failed.",
        evidence=(seen(item, port.path),),
        fixes=(fix,),
        severity=Severity.WARNING,
        confidence=1.0 if known else 0.75,
    )


def _grpc_port(workload: Workload) -> ContainerPort | None:
    for container in workload.containers:
        probed = {number_at(raw, "grpc", "port") for _, raw, _ in container.probes}
        for port in container.ports:
            if says_grpc(port.name) or port.number in probed:
                return port
    return None


def _governing(item: Object, name: str, port: ContainerPort, workload: Workload) -> Fix:
    labels = mapping_at(item.spec, "selector", "matchLabels") or workload.labels
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": item.namespace},
        "spec": {
            "clusterIP": "None",
            "selector": dict(labels),
            "ports": [{"name": "grpc", "port": port.number, "appProtocol": "kubernetes.io/h2c"}],
        },
    }
    return create(manifest, f"Create the headless Service {name}")
