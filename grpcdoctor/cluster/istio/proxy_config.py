"""ProxyConfig: settings of single proxies, from the mesh's defaultConfig, the annotation, and ProxyConfig objects.

Source: istio api mesh/v1alpha1/proxy.proto; pilot/pkg/networking/core/connection_settings.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.changes import Edit, to_yaml
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import PROXY_CONFIG
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, distinct_workloads, owner_of

ANNOTATION: Final = "proxy.istio.io/config"
_LONGEST: Final = 20_000


@dataclass(frozen=True, eq=False)
class ProxySettings:
    """One place that says how proxies work. `values` is a ProxyConfig as JSON."""

    object: Object
    path: FieldPath
    """The field that holds it; text that is YAML, but in a ProxyConfig object."""
    values: dict[str, Any]
    workload: Workload | None = None
    """The one workload that it is for; None: all proxies, or those of a namespace."""
    whole: dict[str, Any] | None = None
    """The text as JSON, of which `values` is a part: the mesh's own configuration."""

    def edit(self, path: tuple[str, ...], value: Any) -> Edit:
        """Set a field (None: remove it). Text is written anew, without its comments."""
        if self.object.kind is PROXY_CONFIG:
            return Edit(self.object).set((*self.path, *path), value)
        if self.whole is None:
            return Edit(self.object).set(self.path, to_yaml(_with(self.values, path, value)))
        return Edit(self.object).set(self.path, to_yaml(_with(self.whole, ("defaultConfig", *path), value)))


def proxy_settings(cluster: Cluster) -> tuple[ProxySettings, ...]:
    """Each place once: ten pods of one Deployment are one."""
    return cluster.once(_proxy_settings)


def edit_mesh(item: Object, path: FieldPath, values: dict[str, Any], field: tuple[str, ...], value: Any) -> Edit:
    """Set a field of the mesh's configuration."""
    return Edit(item).set(path, to_yaml(_with(values, field, value)))


def _proxy_settings(cluster: Cluster) -> tuple[ProxySettings, ...]:
    return (*_of_mesh(cluster), *_of_annotations(cluster), *_of_objects(cluster))


def _of_mesh(cluster: Cluster) -> Iterator[ProxySettings]:
    mesh = mesh_config(cluster)
    defaults = mapping_at(mesh.values, "defaultConfig")
    if mesh.object is not None and defaults:
        yield ProxySettings(mesh.object, mesh.path, defaults, whole=mesh.values)


def _of_annotations(cluster: Cluster) -> Iterator[ProxySettings]:
    done: set[int] = set()
    parsed: dict[str, dict[str, Any]] = {}
    for workload in distinct_workloads(cluster):
        text = workload.annotations.get(ANNOTATION, "")
        if not text or len(text) > _LONGEST:
            continue
        owner, prefix = owner_of(cluster, workload)
        path: FieldPath = (*prefix, "metadata", "annotations", ANNOTATION)
        if id(owner) in done or at(owner.raw, *path) != text:
            continue
        done.add(id(owner))
        if text not in parsed:
            parsed[text] = _parsed(text)
        if parsed[text]:
            yield ProxySettings(owner, path, parsed[text], workload)


def _of_objects(cluster: Cluster) -> Iterator[ProxySettings]:
    """A ProxyConfig object has variables only, which are the mesh's proxyMetadata."""
    for item in cluster.all(PROXY_CONFIG):
        yield ProxySettings(item, ("spec",), mapping_at(item.raw, "spec"))


def _parsed(text: str) -> dict[str, Any]:
    import yaml

    try:
        return dict(mapping_at(yaml.safe_load(text)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def _with(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    if len(path) > 1:
        return {**values, path[0]: _with(mapping_at(values, path[0]), path[1:], value)}
    if value is None:
        return {key: item for key, item in values.items() if key != path[0]}
    return {**values, path[0]: value}
