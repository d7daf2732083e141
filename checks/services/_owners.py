"""Where to change what a pod says: in its Deployment, where that is shown, for a Pod cannot be changed."""

from __future__ import annotations

from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Workload, owner_of


def container_in_owner(cluster: Cluster, workload: Workload, container: Container) -> tuple[Object, FieldPath]:
    """(the object to change, where this container lies in it)."""
    owner, prefix = owner_of(cluster, workload)
    if owner is workload.object:
        return owner, container.path
    for section in ("containers", "initContainers"):
        for index, raw in mappings_at(owner.raw, *prefix, "spec", section):
            if text_at(raw, "name") == container.name:
                return owner, (*prefix, "spec", section, index)
    return workload.object, container.path


def in_owner(cluster: Cluster, workload: Workload, container: Container, path: FieldPath) -> tuple[Object, FieldPath]:
    """(the object to change, where this field of the container lies in it)."""
    owner, base = container_in_owner(cluster, workload, container)
    return owner, (*base, *path[len(container.path) :])


def annotation_in_owner(cluster: Cluster, workload: Workload, name: str) -> tuple[Object, FieldPath]:
    """(the object to change, the path of this annotation of its pods)."""
    owner, prefix = owner_of(cluster, workload)
    return owner, (*prefix, "metadata", "annotations", name)


def once_each(cluster: Cluster, workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    """One workload for each owner: ten pods of one Deployment are one mistake."""
    return tuple({id(owner_of(cluster, workload)[0]): workload for workload in reversed(workloads)}.values())[::-1]
