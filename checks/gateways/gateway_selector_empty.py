"""gateway-selector-empty: a Gateway's selector selects no pod, so no Envoy carries it out."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import uses_of, worst
from grpcdoctor.checks.services._near import slip_of_labels
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.gateways import pods_of, selector_of
from grpcdoctor.cluster.kinds import DAEMON_SET, DEPLOYMENT, ISTIO_GATEWAY, POD
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, distinct_workloads, templates_scaled_to_zero
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD601",
    name="gateway-selector-empty",
    severity=Severity.ERROR,
    title="a Gateway's selector selects no pod",
    explains=("gateway-server-without-routes",),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for gateway in cluster.all(ISTIO_GATEWAY):
        selector = selector_of(gateway)
        severity = worst(uses_of(cluster, gateway))
        if not selector or severity is None or pods_of(cluster, gateway):  # an empty one selects every gateway pod
            continue
        if templates_scaled_to_zero(cluster).select_anywhere(selector):
            continue
        near = _near(cluster, selector)
        whole = all(cluster.has_all(kind) for kind in (POD, DEPLOYMENT, DAEMON_SET))
        if near is not None or whole:
            yield _finding(cluster, gateway, near, whole, severity)


def _finding(
    cluster: Cluster, gateway: Object, near: tuple[Workload, str, str] | None, whole: bool, severity: Severity
) -> Conclusion:
    selector = selector_of(gateway)
    text = ", ".join(f"{key}={value}" for key, value in selector.items())
    hint = f"; {near[1]}={near[0].labels[near[1]]} is there" if near else ""
    virtuals = {id(v): v.object for use in uses_of(cluster, gateway) for v in use.grpc}
    proof = next((use.proof for use in uses_of(cluster, gateway) if use.proof), ())
    found = (seen(near[0].object, near[0].path("metadata", "labels", near[1])),) if near else ()
    return about(
        RULE,
        gateway,
        ("spec", "selector"),
        f"{gateway.title} selects {text}, which no pod has{hint}",
        symptom="No Envoy carries this Gateway out. Its ports are closed or know no route: clients get UNAVAILABLE "
        "(14), connection refused, or UNIMPLEMENTED (12) with an empty message (404).",
        evidence=(*found, *proof),
        fixes=tuple(_fixes(cluster, gateway, near)),
        related=(*virtuals.values(), *((near[0].object,) if near else ())),
        severity=severity,
        confidence=1.0 if whole else 0.75,
    )


def _near(cluster: Cluster, selector: dict[str, str]) -> tuple[Workload, str, str] | None:
    """(a gateway's workload, the label that was likely meant, the key in the selector)."""
    for workload in cluster.once(_gateway_workloads):
        for key in selector:
            rest = {other: value for other, value in selector.items() if other != key}
            if any(workload.labels.get(other) != value for other, value in rest.items()):
                continue
            slip = slip_of_labels({key: selector[key]}, workload.labels)
            if slip is not None:
                right = key if key in workload.labels else slip[1]
                if right in workload.labels:
                    return workload, right, key
    return None


def _fixes(cluster: Cluster, gateway: Object, near: tuple[Workload, str, str] | None) -> Iterator[Fix]:
    if near is not None:
        workload, right, wrong = near
        edit = Edit(gateway)
        if right != wrong:
            edit = edit.remove(("spec", "selector", wrong))
        value = workload.labels[right]
        yield edit.set(("spec", "selector", right), value).fix(f"Select {workload.title}: {right}={value}")
        return
    pods = cluster.once(_gateway_workloads)
    labels = {(key, pod.labels[key]) for pod in pods for key in ("istio", "app") if key in pod.labels}
    for key in ("istio", "app"):
        values = sorted(value for name, value in labels if name == key)
        if values:
            fix = Edit(gateway).set(("spec", "selector"), {key: values[0]})
            yield fix.fix(f"Select the gateway pods that are there: {key}={values[0]}")
            return
    yield Fix("Install an Istio gateway with these labels, or select one that is there", command="kubectl get pods -A "
              "-l 'istio in (ingressgateway,ingress,gateway)' --show-labels")  # fmt: skip


def _gateway_workloads(cluster: Cluster) -> tuple[Workload, ...]:
    return tuple(
        workload
        for workload in distinct_workloads(cluster)
        if workload.mesh is Mesh.GATEWAY or (workload.labels.get("istio", "").endswith("gateway"))
    )
