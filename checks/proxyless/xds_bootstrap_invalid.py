"""xds-bootstrap-invalid: the bootstrap of a gRPC client with xDS is not where it looks, or not as it must be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import at_owner, with_agent
from grpcdoctor.checks.proxyless._bootstrap import corrected, faults_in, looks_like_one
from grpcdoctor.checks.proxyless._clients import AGENT, BOOTSTRAP, BOOTSTRAP_CONFIG, SIMPLE, owners, template_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mappings_at, string_map, text_at
from grpcdoctor.cluster.kinds import CONFIG_MAP
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD806",
    name="xds-bootstrap-invalid",
    severity=Severity.ERROR,
    title="the bootstrap of an xDS client is not where it looks, or not as it must be",
)
READS = (*ROUTE_KINDS, CONFIG_MAP)

_WRITTEN: Final = {AGENT: "/etc/istio/proxy/grpc-bootstrap.json", SIMPLE: "/var/lib/grpc/data/bootstrap.json"}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for workload in owners(cluster):
        for container in workload.containers:
            path = _variable(container, BOOTSTRAP)
            if path is not None:
                yield from _file(cluster, workload, container, path, told)
            path = _variable(container, BOOTSTRAP_CONFIG)
            if path is not None and _variable(container, BOOTSTRAP) is None:
                yield from _inline(cluster, workload, path)


def _variable(container: Container, name: str) -> FieldPath | None:
    """Of its value; None where it has none of its own."""
    for index, item in mappings_at(container.raw, "env"):
        if text_at(item, "name") == name and text_at(item, "value"):
            return (*container.path, "env", index, "value")
    return None


def _file(
    cluster: Cluster, workload: Workload, container: Container, path: FieldPath, told: set[int]
) -> Iterator[Finding]:
    place = text_at(workload.object.raw, *path)
    right = _WRITTEN.get(template_of(workload)) if workload.mesh is Mesh.PROXYLESS else None
    held = _config_map(cluster, workload, container, place)
    if held is not None:
        item, key = held
        if id(item) not in told:
            told.add(id(item))
            yield from _in_map(workload, item, key)
    elif right is not None and place != right and not _mounted(container, place):
        owner, where = at_owner(cluster, workload, *path[len(workload.prefix) :])
        yield about(
            RULE,
            workload.object,
            path,
            f"{workload.title} sets {BOOTSTRAP} to {place}, and the template {template_of(workload)} writes {right}",
            symptom="A variable of the container's own counts before the template's. The file is not there: "
            "UNAVAILABLE: "
            "Failed to create XdsClient: Failed to load file.",
            evidence=(seen(workload.object, path),),
            fixes=(Edit(owner).remove(where[:-1]).fix(f"Remove the variable: the template sets it to {right}"),),
        )


def _mounted(container: Container, place: str) -> bool:
    """Some volume of its own is mounted there, whatever is in it."""
    mounts = (text_at(mount, "mountPath").rstrip("/") for _, mount in mappings_at(container.raw, "volumeMounts"))
    return any(mount and (place == mount or place.startswith(mount + "/")) for mount in mounts)


def _config_map(cluster: Cluster, workload: Workload, container: Container, place: str) -> tuple[Object, str] | None:
    """(ConfigMap, key) of a file that comes from one that is shown."""
    for _, mount in mappings_at(container.raw, "volumeMounts"):
        base = text_at(mount, "mountPath").rstrip("/")
        if not base or not (place == base or place.startswith(base + "/")):
            continue
        key = text_at(mount, "subPath") or place[len(base) + 1 :]
        for _, volume in mappings_at(workload.spec, "volumes"):
            if text_at(volume, "name") == text_at(mount, "name"):
                item = cluster.get(CONFIG_MAP, workload.namespace, text_at(volume, "configMap", "name"))
                listed = mappings_at(volume, "configMap", "items")
                keys = {text_at(one, "path"): text_at(one, "key") for _, one in listed}
                key = keys.get(key, key)
                if item is not None and key in string_map(item.raw, "data"):
                    return item, key
    return None


def _in_map(workload: Workload, item: Object, key: str) -> Iterator[Finding]:
    text = string_map(item.raw, "data")[key]
    faults = faults_in(text)
    if not faults:
        return
    path: FieldPath = ("data", key)
    yield about(
        RULE,
        item,
        path,
        f"the bootstrap in {item.title} {faults[0]}",
        symptom=_refused(faults),
        evidence=(seen(workload.object, (), f"{workload.title} reads it by {BOOTSTRAP}"),),
        fixes=(Edit(item).set(path, corrected(text, workload.namespace)).fix("Correct the bootstrap"),),
        related=(workload.object,),
    )


def _inline(cluster: Cluster, workload: Workload, path: FieldPath) -> Iterator[Finding]:
    text = text_at(workload.object.raw, *path)
    faults = faults_in(text)
    if not faults or ("$(" in text and not looks_like_one(text)):
        return
    owner, where = at_owner(cluster, workload, *path[len(workload.prefix) :])
    agent = with_agent(cluster, workload, Edit(owner).remove(where[:-1]))
    yield about(
        RULE,
        workload.object,
        path,
        f"the bootstrap that {workload.title} has in {BOOTSTRAP_CONFIG} {faults[0]}",
        symptom=_refused(faults),
        fixes=(
            Edit(owner).set(where, corrected(text, workload.namespace)).fix("Correct the bootstrap"),
            agent.fix(f"Or have Istio's agent write it: {AGENT}"),
        ),
    )


def _refused(faults: tuple[str, ...]) -> str:
    more = f" It also {' and '.join(faults[1:])}." if len(faults) > 1 else ""
    if "GENERATOR" in faults[0]:
        return f"istiod answers with configuration for Envoy, which gRPC refuses, or with nothing: UNAVAILABLE.{more}"
    if "node.id" in faults[0]:
        return f"istiod closes the stream of such a client: UNAVAILABLE: xDS channel in TRANSIENT_FAILURE.{more}"
    return f"The library refuses it, and no channel is made: UNAVAILABLE: Failed to create XdsClient.{more}"
