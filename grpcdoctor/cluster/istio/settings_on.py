"""Which objects set up the proxies of a workload: EnvoyFilter, ProxyConfig and the mesh's own ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.cluster.fields import mapping_at, string_map
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import ENVOY_FILTER, PROXY_CONFIG, Kind
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload

# Kind -> the field with the labels of the workloads that it is for (istio api networking/v1alpha3/envoy_filter.proto,
# networking/v1beta1/proxy_config.proto). Without labels: the whole namespace, from the root namespace the whole mesh.
_SELECTORS: Final[dict[Kind, tuple[str, str]]] = {
    ENVOY_FILTER: ("workloadSelector", "labels"),
    PROXY_CONFIG: ("selector", "matchLabels"),
}


def settings_on(cluster: Cluster, workload: Workload) -> Iterator[Object]:
    """Nothing for a workload without a proxy of Istio's. EnvoyFilters with targetRefs are left out."""
    if workload.mesh not in (Mesh.SIDECAR, Mesh.GATEWAY):
        return
    mesh = mesh_config(cluster)
    if mesh.object is not None:
        yield mesh.object
    for namespace in {mesh.root_namespace, workload.namespace}:
        for kind, selector in _SELECTORS.items():
            for item in cluster.in_namespace(kind, namespace):
                if not item.spec.get("targetRefs") and selects(
                    string_map(mapping_at(item.spec, selector[0]), selector[1]), workload.labels
                ):
                    yield item
