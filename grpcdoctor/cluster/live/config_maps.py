"""ConfigMaps: the few that configure a mesh or a controller. They are read by name; the rest is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.cluster.fields import mappings_at, text_at
from grpcdoctor.cluster.kinds import BACKEND_TLS_POLICY, NAMESPACE
from grpcdoctor.cluster.snapshot import DEFAULT_ROOT_NAMESPACE, Cluster
from grpcdoctor.cluster.workloads import Workload, workloads

NEEDED_CONFIG_MAPS: Final = (
    (DEFAULT_ROOT_NAMESPACE, "istio"),
    ("ingress-nginx", "ingress-nginx-controller"),
    ("ingress-nginx", "nginx-configuration"),
    ("nginx-ingress", "nginx-config"),
    ("kube-system", "cilium-config"),
    ("projectcontour", "contour"),
    ("envoy-gateway-system", "envoy-gateway-config"),
    ("linkerd", "linkerd-config"),
)
"""(namespace, name) as their makers' instructions have it. Elsewhere the controllers themselves say where theirs is."""

# ingress-nginx: --configmap=$(POD_NAMESPACE)/name; NGINX Inc.: -nginx-configmaps=...; HAProxy: --configmap=...
_FLAG: Final = re.compile(r"--?(?:nginx-)?configmaps?=([^/]+)/(.+)")
_Name = tuple[str, str]


def needed_config_maps(cluster: Cluster) -> dict[_Name, bool]:
    """(namespace, name) of each ConfigMap worth a look, and whether something in the cluster refers to it."""
    found = dict.fromkeys((name for name in NEEDED_CONFIG_MAPS if _may_exist(cluster, name[0])), False)
    for item in workloads(cluster).items:
        found.update(dict.fromkeys(_of_controller(item), True))
    for policy in cluster.all(BACKEND_TLS_POLICY):
        for _, reference in mappings_at(policy.spec, "validation", "caCertificateRefs"):
            if text_at(reference, "kind") == "ConfigMap" and text_at(reference, "name"):
                found[policy.namespace, text_at(reference, "name")] = True
    return found


def _may_exist(cluster: Cluster, namespace: str) -> bool:
    return cluster.get(NAMESPACE, "", namespace) is not None or not cluster.has_all(NAMESPACE)


def _of_controller(item: Workload) -> Iterator[_Name]:
    if item.labels.get("app") == "istiod":
        revision = item.labels.get("istio.io/rev", "default")
        yield item.namespace, "istio" if revision == "default" else f"istio-{revision}"
    for container in item.containers:
        for word in container.words:
            flag = _FLAG.fullmatch(word)
            if flag is not None:
                yield item.namespace if "$" in flag[1] else flag[1], flag[2]
