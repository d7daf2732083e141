"""Workload: what runs, seen alike from a Pod and from the pod template of a Deployment that has no Pod shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from grpcdoctor.cluster.fields import (
    FieldPath,
    at,
    flag_at,
    items_at,
    mapping_at,
    mappings_at,
    number_at,
    string_map,
    text_at,
)  # fmt: skip
from grpcdoctor.cluster.kinds import DAEMON_SET, DEPLOYMENT, POD, ROLLOUT, STATEFUL_SET, Kind
from grpcdoctor.cluster.labels import LabelIndex
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

TEMPLATED: Final = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, ROLLOUT)
WORKLOAD_KINDS: Final = (POD, *TEMPLATED)
"""The kinds that a rule reads when it asks for workloads (the Namespace decides about injection, too)."""

_REPLICA_SET: Final = "ReplicaSet"
"""Owned by a Deployment or a Rollout, whose name it begins with; never read itself."""
_PROXY_CONTAINER: Final = "istio-proxy"
_PROXYLESS_TEMPLATES: Final = ("grpc-agent", "grpc-simple")
_TEMPLATE_HASH: Final = re.compile(r"-[a-z0-9]{5,10}$")
_SHADOWED: Final = ("Failed", "Succeeded")


class Mesh(str, Enum):
    """How a workload takes part in an Istio mesh."""

    SIDECAR = "sidecar"
    PROXYLESS = "proxyless"
    AMBIENT = "ambient"
    GATEWAY = "gateway"
    """It is itself an Istio gateway: Envoy without an application."""
    NONE = "none"
    UNKNOWN = "unknown"
    """Whether a sidecar is injected depends on a Namespace that was not shown."""

    @property
    def takes_mtls(self) -> bool:
        return self in (Mesh.SIDECAR, Mesh.AMBIENT, Mesh.GATEWAY)


@dataclass(frozen=True, slots=True)
class ContainerPort:
    name: str
    number: int
    path: FieldPath


class Container:
    """One container of a workload. `path` leads to it in the object that holds it."""

    def __init__(self, raw: dict[str, Any], path: FieldPath) -> None:
        self.raw, self.path = raw, path
        self.name = text_at(raw, "name")
        self.image = text_at(raw, "image")

    @lazy
    def ports(self) -> tuple[ContainerPort, ...]:
        return tuple(
            ContainerPort(text_at(port, "name"), number, (*self.path, "ports", index))
            for index, port in mappings_at(self.raw, "ports")
            if (number := number_at(port, "containerPort")) is not None
        )

    @lazy
    def words(self) -> tuple[str, ...]:
        """Command and arguments."""
        return tuple(str(word) for key in ("command", "args") for word in items_at(self.raw, key))

    @lazy
    def environment(self) -> dict[str, str]:
        """Variables with a value of their own (not from a Secret or a field)."""
        return {text_at(item, "name"): text_at(item, "value") for _, item in mappings_at(self.raw, "env")}

    def environment_path(self, name: str) -> FieldPath:
        for index, item in mappings_at(self.raw, "env"):
            if text_at(item, "name") == name:
                return (*self.path, "env", index)
        return (*self.path, "env")

    @lazy
    def probes(self) -> tuple[tuple[str, dict[str, Any], FieldPath], ...]:
        """(readinessProbe, its JSON, its path) and so on."""
        return tuple(
            (name, found, (*self.path, name))
            for name in ("readinessProbe", "livenessProbe", "startupProbe")
            if (found := mapping_at(self.raw, name))
        )


class Workload:
    """A Pod, or the template of pods that are not shown."""

    def __init__(self, holder: Object, prefix: FieldPath, namespace_labels: dict[str, str] | None) -> None:
        self.object = holder
        self.is_pod = holder.kind is POD
        self.prefix = prefix
        """Where the pod's own metadata and spec lie in the object: () for a Pod."""
        self.namespace = holder.namespace
        self._namespace_labels = namespace_labels
        self.pod: dict[str, Any] = mapping_at(holder.raw, *prefix) if prefix else holder.raw

    def __repr__(self) -> str:
        return f"<Workload {self.title}>"

    @property
    def name(self) -> str:
        return self.object.name

    @property
    def title(self) -> str:
        return self.object.title

    @lazy
    def labels(self) -> dict[str, str]:
        return string_map(self.pod, "metadata", "labels")

    @lazy
    def annotations(self) -> dict[str, str]:
        return string_map(self.pod, "metadata", "annotations")

    @lazy
    def spec(self) -> dict[str, Any]:
        return mapping_at(self.pod, "spec")

    @lazy
    def owner_key(self) -> tuple[str, str, str]:
        """The same for all pods of one ReplicaSet, StatefulSet or the like; its own for a pod without an owner."""
        if self.is_pod:
            for _, owner in mappings_at(self.object.raw, "metadata", "ownerReferences"):
                return self.namespace, text_at(owner, "kind"), text_at(owner, "name")
        return self.namespace, self.object.kind.name, self.name

    @property
    def service_account(self) -> str:
        return text_at(self.spec, "serviceAccountName") or "default"

    def path(self, *path: str | int) -> FieldPath:
        """The path in the object of a field of the pod: `path("spec", "hostNetwork")`."""
        return (*self.prefix, *path)

    @lazy
    def all_containers(self) -> tuple[Container, ...]:
        """With the proxies; of the init containers only those that stay (restartPolicy Always)."""
        base = self.path("spec")
        running = [Container(raw, (*base, "containers", i)) for i, raw in mappings_at(self.spec, "containers")]
        staying = [
            Container(raw, (*base, "initContainers", i))
            for i, raw in mappings_at(self.spec, "initContainers")
            if text_at(raw, "restartPolicy") == "Always"
        ]
        return (*running, *staying)

    @lazy
    def containers(self) -> tuple[Container, ...]:
        """The application's own."""
        return tuple(c for c in self.all_containers if c.name not in (_PROXY_CONTAINER, "linkerd-proxy"))

    @lazy
    def ports(self) -> tuple[ContainerPort, ...]:
        return tuple(port for container in self.containers for port in container.ports)

    @property
    def replicas(self) -> int | None:
        """How many pods this stands for: 1 for a Pod; None where an autoscaler or nothing says."""
        return 1 if self.is_pod else number_at(self.object.raw, "spec", "replicas")

    @lazy
    def is_ready(self) -> bool | None:
        """The pod's Ready condition; None where it has no status."""
        for _, condition in mappings_at(self.object.raw, "status", "conditions") if self.is_pod else ():
            if text_at(condition, "type") == "Ready":
                return text_at(condition, "status") == "True"
        return None

    @lazy
    def mesh(self) -> Mesh:
        templates = self.annotations.get("inject.istio.io/templates", "")
        proxy = self._proxy
        if any(name in templates for name in _PROXYLESS_TEMPLATES):
            return Mesh.PROXYLESS
        if "gateway" in templates or (proxy is not None and "router" in items_at(proxy, "args")):
            return Mesh.GATEWAY
        if proxy is not None:
            return Mesh.SIDECAR
        if flag_at(self.spec, "hostNetwork") or self.labels.get("istio.io/dataplane-mode") == "none":
            return Mesh.NONE
        return self._injected()

    @property
    def _proxy(self) -> dict[str, Any] | None:
        """Istio's container; a native sidecar is an init container."""
        for key in ("containers", "initContainers"):
            for _, raw in mappings_at(self.spec, key):
                stays = key == "containers" or raw.get("restartPolicy") == "Always"
                if raw.get("name") == _PROXY_CONTAINER and stays:
                    return raw
        return None

    def _injected(self) -> Mesh:
        """What the injector will do with this template, or has not done with this Pod."""
        own = self.labels.get("sidecar.istio.io/inject") or self.annotations.get("sidecar.istio.io/inject")
        space = self._namespace_labels
        if self.labels.get("istio.io/dataplane-mode") == "ambient" and own != "true":
            return Mesh.AMBIENT
        if self.annotations.get("ambient.istio.io/redirection") == "enabled":  # istio-cni writes it on enrolled pods
            return Mesh.AMBIENT
        if own == "false":
            return Mesh.NONE
        if self.is_pod and at(self.object.raw, "status", "phase") is not None:  # it runs, and no proxy was added
            return Mesh.AMBIENT if (space or {}).get("istio.io/dataplane-mode") == "ambient" else Mesh.NONE
        if space is not None and space.get("istio-injection") == "disabled":  # either "no" beats every "yes"
            return Mesh.AMBIENT if space.get("istio.io/dataplane-mode") == "ambient" else Mesh.NONE
        # The webhook goes by labels: the annotation alone brings no pod of an unlabelled namespace to it.
        if self.labels.get("sidecar.istio.io/inject") == "true" or "istio.io/rev" in self.labels:
            return Mesh.SIDECAR
        if space is None:
            return Mesh.UNKNOWN
        if space.get("istio-injection") == "enabled" or "istio.io/rev" in space:
            return Mesh.SIDECAR
        return Mesh.AMBIENT if space.get("istio.io/dataplane-mode") == "ambient" else Mesh.NONE

    @lazy
    def linkerd(self) -> bool:
        if any(container.name == "linkerd-proxy" for container in self.all_containers):
            return True
        own = self.annotations.get("linkerd.io/inject")
        return own in ("enabled", "ingress")

    def container_of_port(self, number: int) -> Container | None:
        """The container that declares this port; the only one where none declares it."""
        declared = next((c for c in self.containers if any(p.number == number for p in c.ports)), None)
        return declared or (self.containers[0] if len(self.containers) == 1 else None)


def workloads(cluster: Cluster) -> LabelIndex[Workload]:
    """Everything that runs. A template is left out where pods of it are shown, and so are pods that have ended."""
    return cluster.once(_workloads)


def distinct_workloads(cluster: Cluster) -> tuple[Workload, ...]:
    """One of the replicas of each owner: for what stands in their templates (containers, arguments, labels)."""
    return cluster.once(_distinct)


def _distinct(cluster: Cluster) -> tuple[Workload, ...]:
    return tuple({workload.owner_key: workload for workload in reversed(workloads(cluster).items)}.values())[::-1]


def owner_of(cluster: Cluster, workload: Workload) -> tuple[Object, FieldPath]:
    """(the object to change, where the pod lies in it).

    A Pod's Deployment where it is shown, for a Pod itself cannot be changed and is made anew from there.
    """
    if not workload.is_pod:
        return workload.object, workload.prefix
    known: dict[tuple[str, str, str], Object | None] = cluster.once(_no_owners_yet)
    key = workload.owner_key
    if key not in known:
        known[key] = _owner(cluster, *key)
    owner = known[key]
    return (owner, ("spec", "template")) if owner is not None else (workload.object, workload.prefix)


def _no_owners_yet(_cluster: Cluster) -> dict[tuple[str, str, str], Object | None]:
    return {}


def _owner(cluster: Cluster, namespace: str, kind: str, name: str) -> Object | None:
    """The object with the template; behind a ReplicaSet the one whose name it has, without the template's hash."""
    names = (name, _TEMPLATE_HASH.sub("", name)) if kind == _REPLICA_SET else (name,)
    kinds = [each for each in TEMPLATED if kind in (each.name, _REPLICA_SET)]
    found = (cluster.get(each, namespace, one) for each in kinds for one in names)
    return next((item for item in found if item is not None), None)


def _workloads(cluster: Cluster) -> LabelIndex[Workload]:
    spaces: dict[str, dict[str, str] | None] = {}

    def labels_of(namespace: str) -> dict[str, str] | None:
        if namespace not in spaces:
            spaces[namespace] = cluster.namespace_labels(namespace)
        return spaces[namespace]

    pods = [
        Workload(pod, (), labels_of(pod.namespace))
        for pod in cluster.all(POD)
        if text_at(pod.raw, "status", "phase") not in _SHADOWED
    ]
    shown = LabelIndex(pods)
    templates = [
        Workload(holder, ("spec", "template"), labels_of(holder.namespace))
        for kind in TEMPLATED
        for holder in cluster.all(kind)
    ]
    bare = [t for t in templates if t.replicas != 0 and not (t.labels and shown.select(t.labels, t.namespace))]
    return LabelIndex([*pods, *bare])


def templates_scaled_to_zero(cluster: Cluster) -> LabelIndex[Workload]:
    """Deployments and the like with `replicas: 0`: they select nothing, on purpose."""
    return cluster.once(_scaled_to_zero)


def _scaled_to_zero(cluster: Cluster) -> LabelIndex[Workload]:
    found: list[Workload] = []
    kinds: tuple[Kind, ...] = TEMPLATED
    for kind in kinds:
        for holder in cluster.all(kind):
            if number_at(holder.raw, "spec", "replicas") == 0:
                found.append(Workload(holder, ("spec", "template"), cluster.namespace_labels(holder.namespace)))
    return LabelIndex(found)
