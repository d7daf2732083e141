"""proxyless-template-missing: a client dials xds:/// and nothing gives it a bootstrap."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import annotation, at_owner, with_agent
from grpcdoctor.checks.proxyless._clients import (
    AGENT,
    BOOTSTRAP,
    BOOTSTRAP_CONFIG,
    TEMPLATES,
    XdsTarget,
    proxyless,
    targets,
    template_of,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, flag_at, mappings_at, text_at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload, distinct_workloads
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD801",
    name="proxyless-template-missing",
    severity=Severity.ERROR,
    title="a client dials xds:/// and nothing gives it a bootstrap",
    explains=("proxyless-hold-missing",),
)
READS = ROUTE_KINDS

_NO_BOOTSTRAP = (
    "The xDS library of gRPC needs a bootstrap file that says where the control plane is. Without one the channel "
    "cannot be "
    "made: UNAVAILABLE: Environment variables GRPC_XDS_BOOTSTRAP or GRPC_XDS_BOOTSTRAP_CONFIG not defined, or file "
    "not found."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for target in targets(cluster):
        if id(target.workload) not in told and _lacks_bootstrap(target.workload, target.container):
            told.add(id(target.workload))
            yield _finding(cluster, target)
    for workload in distinct_workloads(cluster):
        for container in workload.containers if workload.mesh is not Mesh.PROXYLESS else ():
            if id(workload) in told or not container.environment.get(BOOTSTRAP, "").startswith("/etc/istio/proxy/"):
                continue
            if not _is_mounted(workload, container, "/etc/istio/proxy"):
                told.add(id(workload))
                yield _no_file(cluster, workload, container.environment_path(BOOTSTRAP))
    for workload in proxyless(cluster):
        if id(workload) not in told and (_is_not_injected(workload) or _is_left_out(cluster, workload)):
            yield _not_injected(cluster, workload)


def _lacks_bootstrap(workload: Workload, container: Container) -> bool:
    if workload.mesh is Mesh.PROXYLESS:
        return False
    names = {text_at(item, "name") for _, item in mappings_at(container.raw, "env")}
    if names & {BOOTSTRAP, BOOTSTRAP_CONFIG} or at(container.raw, "envFrom"):
        return False
    words = " ".join((*container.words, *container.environment)).lower()
    return "bootstrap" not in words


def _is_mounted(workload: Workload, container: Container, place: str) -> bool:
    return any(text_at(mount, "mountPath").startswith(place) for _, mount in mappings_at(container.raw, "volumeMounts"))


def _finding(cluster: Cluster, target: XdsTarget) -> Finding:
    workload = target.workload
    return about(
        RULE,
        workload.object,
        target.path,
        f"{workload.title} dials {target.written}, and neither the template {AGENT} nor a bootstrap of its own is "
        "there",
        symptom=_NO_BOOTSTRAP,
        evidence=(seen(workload.object, workload.path("metadata", "annotations", TEMPLATES)),),
        fixes=(
            with_agent(cluster, workload).fix(f"Have Istio inject its agent, which writes the bootstrap: {AGENT}"),
            _plain_name(cluster, target),
        ),
    )


def _plain_name(cluster: Cluster, target: XdsTarget) -> Fix:
    """The way without xDS: by DNS, through the sidecar where there is one."""
    owner, path = at_owner(cluster, target.workload, *target.path[len(target.workload.prefix) :])
    value = target.value.replace("xds:///", "dns:///")
    return Edit(owner).set(path, value).fix("Or dial by DNS, without xDS")


def _no_file(cluster: Cluster, workload: Workload, path: FieldPath) -> Finding:
    return about(
        RULE,
        workload.object,
        (*path, "value"),
        f"{workload.title} sets {BOOTSTRAP} to the agent's file, and the template {AGENT} that makes it is not "
        "injected",
        symptom="The file is in the agent's container or nowhere. The channel cannot be made: UNAVAILABLE: Failed to "
        "create "
        "XdsClient: Failed to load file.",
        evidence=(seen(workload.object, workload.path("metadata", "annotations", TEMPLATES)),),
        fixes=(with_agent(cluster, workload).fix(f"Inject {AGENT}, which mounts that directory and writes the file"),),
    )


def _is_not_injected(workload: Workload) -> bool:
    """The annotation stands there, and injection is off for this pod or its namespace, or has not happened."""
    if _is_switched_off(workload):
        return True
    if template_of(workload) == AGENT and workload.is_pod and at(workload.object.raw, "status", "phase") is not None:
        return not any(container.name == "istio-proxy" for container in workload.all_containers)
    return False


def _is_switched_off(workload: Workload) -> bool:
    own = workload.labels.get("sidecar.istio.io/inject") or workload.annotations.get("sidecar.istio.io/inject")
    return own == "false" or flag_at(workload.spec, "hostNetwork") is True


def _is_left_out(cluster: Cluster, workload: Workload) -> bool:
    """Neither its namespace nor the pod itself asks for injection. A running pod shows whether it happened."""
    space = cluster.namespace_labels(workload.namespace)
    if space is None or (workload.is_pod and at(workload.object.raw, "status", "phase") is not None):
        return False
    asks = workload.labels.get("sidecar.istio.io/inject") == "true" or "istio.io/rev" in workload.labels
    return not asks and space.get("istio-injection") != "enabled" and "istio.io/rev" not in space


def _restart(workload: Workload, owner: Object) -> Finding:
    """A running Pod to which nothing was added."""
    word = f"{owner.kind.name.lower()}/{owner.name}"
    again = f"rollout restart {word}" if owner is not workload.object else f"delete pod {owner.name}"
    return about(
        RULE,
        workload.object,
        workload.path("metadata", "annotations", TEMPLATES),
        f"{workload.title} asks for the template {AGENT}, and runs without its agent",
        symptom=_NO_BOOTSTRAP,
        evidence=(seen(workload.object, workload.path("spec", "containers"), "no container istio-proxy is in it"),),
        fixes=(
            Fix(
                "Make the pod anew: Istio injects when it is made, in a namespace with istio-injection: enabled",
                command=f"kubectl -n {workload.namespace} {again}",
            ),
        ),
        confidence=0.9,
    )


def _not_injected(cluster: Cluster, workload: Workload) -> Finding:
    owner, path = at_owner(cluster, workload, "metadata", "labels", "sidecar.istio.io/inject")
    if not _is_switched_off(workload) and not _is_left_out(cluster, workload):
        return _restart(workload, owner)
    edit = Edit(owner).set(path, "true").remove((*path[:-2], "annotations", "sidecar.istio.io/inject"))
    if flag_at(workload.spec, "hostNetwork"):
        edit.remove((*path[:-3], "spec", "hostNetwork"))
    where, noted = annotation(cluster, workload, TEMPLATES)
    return about(
        RULE,
        where,
        noted,
        f"{workload.title} asks for the template {template_of(workload)}, and Istio does not inject into it",
        symptom=_NO_BOOTSTRAP,
        evidence=(seen(workload.object, workload.path("metadata", "labels")),),
        fixes=(edit.fix("Let Istio inject: the label on the pod decides whatever the namespace says"),),
        confidence=0.9,
    )
