"""The mesh's own configuration: the ConfigMap `istio` (or `istio-REVISION`) with its key `mesh`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, flag_at, mapping_at, text_at
from grpcdoctor.cluster.kinds import (
    CONFIG_MAP,
)  # fmt: skip
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import DEFAULT_DOMAIN, DEFAULT_ROOT_NAMESPACE, Cluster

# A mesh ConfigMap is a page or two; a larger text is none, and parsing it would take long.
_LONGEST_MESH_CONFIG: Final = 1_000_000


@dataclass(frozen=True)
class MeshConfig:
    """`values` is meshConfig as JSON, empty where the ConfigMap was not shown: then Istio's defaults are assumed."""

    values: dict[str, Any] = field(default_factory=dict)
    object: Object | None = None
    """The ConfigMap; its path is `data.mesh`."""

    path: FieldPath = ("data", "mesh")

    @lazy
    def root_namespace(self) -> str:
        home = self.object.namespace if self.object is not None else DEFAULT_ROOT_NAMESPACE
        return text_at(self.values, "rootNamespace") or home

    @lazy
    def upgrades_to_http2(self) -> bool:
        """`h2UpgradePolicy: UPGRADE` for all HTTP ports."""
        return text_at(self.values, "h2UpgradePolicy") == "UPGRADE"

    @lazy
    def auto_mtls(self) -> bool:
        return flag_at(self.values, "enableAutoMtls") is not False

    @lazy
    def registry_only(self) -> bool:
        """`outboundTrafficPolicy.mode: REGISTRY_ONLY`: unknown hosts go into a black hole."""
        return text_at(self.values, "outboundTrafficPolicy", "mode") == "REGISTRY_ONLY"

    @lazy
    def preserves_header_case(self) -> bool:
        """`proxyHeaders.preserveHttp1HeaderCase`: then no HTTP or undeclared port is upgraded to HTTP/2."""
        return flag_at(self.values, "defaultConfig", "proxyHeaders", "preserveHttp1HeaderCase") is True

    @lazy
    def domain(self) -> str:
        """The cluster's domain, as far as the mesh says; not the trust domain."""
        return text_at(self.values, "defaultConfig", "proxyMetadata", "CLUSTER_DOMAIN") or DEFAULT_DOMAIN


def mesh_config(cluster: Cluster) -> MeshConfig:
    return cluster.once(_mesh_config)


def has_istio(cluster: Cluster) -> bool:
    """Whether anything of Istio is there: without it, its rules about Services do not hold."""
    return cluster.once(_has_istio)


def _has_istio(cluster: Cluster) -> bool:
    from grpcdoctor.cluster.kinds import KINDS
    from grpcdoctor.cluster.workloads import Mesh, workloads

    if any(cluster.all(kind) for kind in KINDS if kind.group.endswith(".istio.io")):
        return True
    if mesh_config(cluster).object is not None:
        return True
    return any(w.mesh not in (Mesh.NONE, Mesh.UNKNOWN) for w in workloads(cluster).items)


def _mesh_config(cluster: Cluster) -> MeshConfig:
    candidates = [
        item
        for item in cluster.all(CONFIG_MAP)
        if (item.name == "istio" or item.name.startswith("istio-")) and text_at(item.raw, "data", "mesh")
    ]
    if not candidates:
        return MeshConfig()
    best = min(candidates, key=lambda item: (item.namespace != DEFAULT_ROOT_NAMESPACE, item.name != "istio", item.name))
    return MeshConfig(_parsed(text_at(best.raw, "data", "mesh")), best)


def _parsed(text: str) -> dict[str, Any]:
    import yaml

    if len(text) > _LONGEST_MESH_CONFIG:
        return {}
    try:
        return dict(mapping_at(yaml.safe_load(text)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
