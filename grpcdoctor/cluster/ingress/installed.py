"""The controllers that run in the cluster: their pods, versions and ConfigMaps, as far as they are shown."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.ingress.controller import Controller
from grpcdoctor.cluster.kinds import CONFIG_MAP
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, distinct_workloads

_VERSION: Final = re.compile(r":v?(\d+)\.(\d+)(?:\.(\d+))?")
_CONFIG_FLAG: Final = re.compile(r"--?(?:nginx-)?configmaps?=([^/]+)/(.+)")
Version = tuple[int, ...]


def pods_of(cluster: Cluster, controller: Controller) -> tuple[Workload, ...]:
    """The workloads that run this controller's image."""
    cache: dict[str, tuple[Workload, ...]] = cluster.once(_no_pods_yet)
    if controller.platform not in cache:
        cache[controller.platform] = tuple(
            workload
            for workload in distinct_workloads(cluster)
            if any(controller.image.search(container.image) for container in workload.containers)
        )
    return cache[controller.platform]


def fronts_of(cluster: Cluster, controller: Controller) -> tuple[Service, ...]:
    """The Services in front of its pods that take traffic from outside the pods' own administration."""
    found = [s for pod in pods_of(cluster, controller) for s in services_selecting(cluster, pod)]
    return tuple(
        {id(s): s for s in found if any(port.number in (80, 443) for port in s.ports) and "admission" not in s.name}
        .values()
    )  # fmt: skip


def words_of(cluster: Cluster, controller: Controller) -> tuple[str, ...] | None:
    """The arguments of its pods; None where none is shown."""
    pods = pods_of(cluster, controller)
    return tuple(w for pod in pods for c in pod.containers for w in c.words) if pods else None


def version_of(cluster: Cluster, controller: Controller) -> Version | None:
    """The lowest version that runs, by the images' tags; None where none is shown or a tag says none."""
    found: list[Version] = []
    for pod in pods_of(cluster, controller):
        for container in pod.containers:
            if controller.image.search(container.image):
                match = _VERSION.search(container.image.partition("@")[0])
                if match is None:
                    return None
                found.append(tuple(int(part or 0) for part in match.groups()))
    return min(found, default=None)


def config_of(cluster: Cluster, controller: Controller) -> Object | None:
    """Its own ConfigMap: the one that its arguments name, else the one that its installation makes."""
    cache: dict[str, Object | None] = cluster.once(_no_config_yet)
    if controller.platform not in cache:
        cache[controller.platform] = _config(cluster, controller)
    return cache[controller.platform]


def setting(cluster: Cluster, controller: Controller, key: str) -> tuple[Object, str] | None:
    """(the ConfigMap, the value of this key or ""); None where the ConfigMap is not shown."""
    found = config_of(cluster, controller)
    return (found, text_at(found.raw, "data", key).strip()) if found is not None else None


def _config(cluster: Cluster, controller: Controller) -> Object | None:
    for pod in pods_of(cluster, controller):
        for container in pod.containers:
            for word in container.words:
                flag = _CONFIG_FLAG.fullmatch(word)
                if flag is not None:
                    namespace = pod.namespace if "$" in flag[1] else flag[1]
                    return cluster.get(CONFIG_MAP, namespace, flag[2])
    if not controller.config_maps:
        return None
    named = [item for item in cluster.all(CONFIG_MAP) if item.name in controller.config_maps]
    return named[0] if len(named) == 1 else None


def _no_pods_yet(_cluster: Cluster) -> dict[str, tuple[Workload, ...]]:
    return {}


def _no_config_yet(_cluster: Cluster) -> dict[str, Object | None]:
    return {}
