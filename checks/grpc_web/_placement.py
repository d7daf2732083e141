"""Why an EnvoyFilter's grpc_web filter has no effect: what it is made of, where it is inserted, whom it selects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.checks._gateway_api import says_namespace
from grpcdoctor.checks.grpc_web._translation import FILTER, RENAMED, ROUTER, TYPE, Insertion, selected_by
from grpcdoctor.cluster.changes import Edit, create, delete
from grpcdoctor.cluster.fields import FieldPath, mapping_at, text_at
from grpcdoctor.cluster.istio.gateways import pods_of, selector_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import WORKLOAD_KINDS, Mesh, Workload, workloads
from grpcdoctor.model.finding import Evidence, Fix

_NEAR: Final = 0.8
_REFUSED: Final = "Envoy refuses the whole listener, and keeps the one it had."


@dataclass(frozen=True, slots=True)
class Fault:
    """`clause` ends the sentence "inserts the filter, and …"; `why` is a sentence."""

    path: FieldPath
    clause: str
    why: str
    fixes: tuple[Fix, ...]
    evidence: tuple[Evidence, ...] = ()
    related: tuple[Object, ...] = ()
    confidence: float = 1.0


def fault_of(cluster: Cluster, insertion: Insertion) -> Fault | None:
    """The first that there is."""
    return next(_faults(cluster, insertion), None)


def _faults(cluster: Cluster, insertion: Insertion) -> Iterator[Fault]:
    yield from _of_value(insertion)
    yield from _of_operation(insertion)
    yield from _of_names(insertion)
    yield from _of_selection(cluster, insertion)
    yield from _of_context(cluster, insertion)


def _of_value(insertion: Insertion) -> Iterator[Fault]:
    path = (*insertion.path, "patch", "value")
    if insertion.operation == "MERGE" or insertion.type == TYPE:
        return
    fix = (
        Edit(insertion.object)
        .set(path, {"name": FILTER, "typed_config": {"@type": TYPE}})
        .fix("Give the filter its name and type")
    )
    if not insertion.type:
        yield Fault(
            path,
            "the filter has no typed_config",
            f"Envoy finds no filter by its name alone (since 1.22). {_REFUSED}",
            (fix,),
        )
    else:
        where = (*path, "typed_config" if mapping_at(insertion.value, "typed_config") else "typedConfig", "@type")
        yield Fault(where, f"its type is {insertion.type}", f"Envoy knows no such type. {_REFUSED}", (fix,))


def _of_operation(insertion: Insertion) -> Iterator[Fault]:
    operation = insertion.operation
    path = (*insertion.path, "patch", "operation")
    edit = Edit(insertion.object)
    fix = edit.set(path, "INSERT_BEFORE").set(insertion.beside_path, ROUTER).fix("Insert it before the router")
    if operation == "ADD" or (operation == "INSERT_AFTER" and insertion.beside in ("", ROUTER)):
        yield Fault(
            path,
            f"{operation} puts it behind the router",
            f"The router must be the last filter: behind it nothing is reached. {_REFUSED}",
            (fix,),
        )
    elif operation == "MERGE":
        yield Fault(path, "MERGE inserts nothing", "It changes a filter that is there, and there is none.", (fix,))
    elif operation not in ("INSERT_BEFORE", "INSERT_FIRST", "INSERT_AFTER", "REPLACE"):
        yield Fault(path, "the patch has no operation that inserts", "Istio ignores or refuses the patch.", (fix,))


def _of_names(insertion: Insertion) -> Iterator[Fault]:
    """Names of filters that no proxy has any more."""
    base = (*insertion.path, "match", "listener", "filterChain", "filter")
    for path in ((*base, "name"), insertion.beside_path):
        written = text_at(insertion.object.raw, *path)
        if written in RENAMED:
            yield Fault(
                path,
                f"its match names {written}, which is called {RENAMED[written]} today",
                "Istio compares names to the letter, so the patch matches nothing and inserts nothing.",
                (Edit(insertion.object).set(path, RENAMED[written]).fix("Use today's name"),),
            )


def _of_selection(cluster: Cluster, insertion: Insertion) -> Iterator[Fault]:
    """It selects nothing in its own namespace."""
    if not insertion.selector or selected_by(cluster, insertion):
        return
    path = ("spec", "workloadSelector", "labels")
    elsewhere = workloads(cluster).select_anywhere(insertion.selector)
    everything = all(cluster.has_all(kind) for kind in WORKLOAD_KINDS)
    if elsewhere:
        if everything or says_namespace(insertion.object, elsewhere[0].object):
            yield _other_namespace(insertion, elsewhere[0])
        return
    gateway = _meant(cluster, insertion, everything)
    if gateway is None and not everything:
        return
    labels = ", ".join(f"{key}={value}" for key, value in insertion.selector.items())
    fixes = (
        (Edit(insertion.object).set(path, dict(selector_of(gateway))).fix(f"Select the pods of {gateway.title}"),)
        if gateway is not None
        else (delete(insertion.object, "Delete it, or select the labels of the gateway's pods"),)
    )
    yield Fault(
        path,
        f"no pod has the labels {labels}",
        "An EnvoyFilter changes only the proxies that it selects.",
        fixes,
        related=(gateway,) if gateway is not None else (),
        confidence=1.0 if everything else 0.75,
    )


def _other_namespace(insertion: Insertion, pod: Workload) -> Fault:
    moved = {**insertion.object.raw, "metadata": {"name": insertion.object.name, "namespace": pod.namespace}}
    added = create(moved, f"Move it to {pod.namespace}, where the pods are")
    gone = delete(insertion.object, "")
    return Fault(
        ("metadata", "namespace"),
        f"the pods that it selects are in {pod.namespace}, not in {insertion.object.namespace}",
        "An EnvoyFilter reaches the pods of its own namespace only, or of all where it is in Istio's root namespace.",
        (Fix(added.summary, patch=added.patch, changes=(*added.changes, *gone.changes)),),
        evidence=(seen(pod.object, (), f"{pod.object.title} has the labels that it selects"),),
        related=(pod.object,),
    )


def _meant(cluster: Cluster, insertion: Insertion, everything: bool) -> Object | None:
    """The Gateway whose selector is nearly the same."""
    written = _text(insertion.selector)
    root = mesh_config(cluster).root_namespace
    best: tuple[float, Object] | None = None
    for gateway in cluster.all(ISTIO_GATEWAY):
        selector = selector_of(gateway)
        ratio = SequenceMatcher(None, written, _text(selector)).ratio() if selector else 0.0
        if _NEAR <= ratio < 1.0 and (best is None or ratio > best[0]):
            pods = workloads(cluster).select_anywhere(selector)
            if any(insertion.reaches(pod.namespace, root) for pod in pods) or (not pods and not everything):
                best = ratio, gateway
    if best is None and everything and insertion.context == "GATEWAY":
        return _only_gateway(cluster, insertion, root)
    return best[1] if best is not None else None


def _only_gateway(cluster: Cluster, insertion: Insertion, root: str) -> Object | None:
    """The one that the filter can only be for: all Gateways whose pods it could reach select the same."""
    within = [
        gateway
        for gateway in cluster.all(ISTIO_GATEWAY)
        if any(insertion.reaches(pod.namespace, root) for pod in pods_of(cluster, gateway))
    ]
    return within[0] if len({_text(selector_of(gateway)) for gateway in within}) == 1 else None


def _text(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _of_context(cluster: Cluster, insertion: Insertion) -> Iterator[Fault]:
    """Every proxy that it selects is of the other sort."""
    known = [w for w in selected_by(cluster, insertion) if w.mesh in (Mesh.GATEWAY, Mesh.SIDECAR)]
    if not known or not insertion.selector or any(insertion.works_in(workload) for workload in known):
        return
    path = (*insertion.path, "match", "context")
    is_gateway = known[0].mesh is Mesh.GATEWAY
    sort, right = ("gateways", "GATEWAY") if is_gateway else ("sidecars", "SIDECAR_INBOUND")
    yield Fault(
        path,
        f"its context is {insertion.context}, while the pods that it selects are {sort}",
        "A patch is used only in proxies of its context.",
        (Edit(insertion.object).set(path, right).fix(f"Use the context {right}"),),
        evidence=(seen(known[0].object, (), f"{known[0].title} is selected"),),
        related=(known[0].object,),
    )
