"""PeerAuthentication: whether a server takes mTLS, plaintext or both, and who said so.

Source: istio pilot/pkg/security/authn ComposePeerAuthentication; https://istio.io/latest/docs/concepts/security/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, string_map, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import CONFIG_MAP, PEER_AUTHENTICATION, Kind
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload

MTLS_KINDS: Final[tuple[Kind, ...]] = (PEER_AUTHENTICATION, CONFIG_MAP)

STRICT: Final = "STRICT"
PERMISSIVE: Final = "PERMISSIVE"
DISABLE: Final = "DISABLE"
_UNSET: Final = ("", "UNSET")


@dataclass(frozen=True, slots=True)
class ServerMode:
    """`mode` is STRICT, PERMISSIVE or DISABLE; `object` is None for Istio's default, PERMISSIVE."""

    mode: str = PERMISSIVE
    object: Object | None = None
    path: FieldPath = ()


def server_mode(cluster: Cluster, workload: Workload, port: int | None) -> ServerMode:
    """What this workload takes on this port of its own (a container's, not a Service's).

    The port's setting in the workload's own policy, then that policy's mode, then the namespace's, then the mesh's; an
    unset mode inherits, and of several policies at one level the oldest counts. portLevelMtls outside a policy with a
    selector is ignored.
    """
    root = mesh_config(cluster).root_namespace
    own = policies_selecting(cluster, workload)
    for policy in own[:1]:
        at_port = text_at(policy.raw, "spec", "portLevelMtls", _key(policy, port), "mode")
        if at_port not in _UNSET:
            return ServerMode(at_port, policy, ("spec", "portLevelMtls", _key(policy, port), "mode"))
    for level in (own, policies_wide(cluster, workload.namespace), policies_wide(cluster, root)):
        for policy in level[:1]:
            mode = text_at(policy.raw, "spec", "mtls", "mode")
            if mode not in _UNSET:
                return ServerMode(mode, policy, ("spec", "mtls", "mode"))
    return ServerMode()


def namespace_mode(cluster: Cluster, namespace: str) -> ServerMode:
    """What holds in a namespace where no workload has a policy of its own."""
    for place in (namespace, mesh_config(cluster).root_namespace):
        for policy in policies_wide(cluster, place)[:1]:
            mode = text_at(policy.raw, "spec", "mtls", "mode")
            if mode not in _UNSET:
                return ServerMode(mode, policy, ("spec", "mtls", "mode"))
    return ServerMode()


def policies_selecting(cluster: Cluster, workload: Workload) -> list[Object]:
    """Those with a selector for this workload, oldest first; none in the root namespace, where they are ignored."""
    if workload.namespace == mesh_config(cluster).root_namespace:
        return []
    index = cluster.once(_by_selector).get(workload.namespace)
    if not index:
        return []
    found = [policy for pair in (*workload.labels.items(), ("", "")) for policy in index.get(pair, ())]
    return sorted((policy for policy in found if _selects(policy, workload)), key=_age)


def policies_wide(cluster: Cluster, namespace: str) -> list[Object]:
    """The policies of a namespace without a selector, oldest first; of the root namespace: those of the mesh."""
    return cluster.once(_wide).get(namespace, [])


def _key(policy: Object, port: int | None) -> str | int:
    """portLevelMtls is keyed by numbers, which YAML may give as numbers and JSON as strings."""
    levels = mapping_at(policy.raw, "spec", "portLevelMtls")
    return next((key for key in levels if str(key) == str(port)), str(port))


def _selector(policy: Object) -> dict[str, object]:
    """Without labels it is none, and the policy is one of the whole namespace."""
    selector = mapping_at(policy.raw, "spec", "selector")
    return selector if mapping_at(selector, "matchLabels") else {}


def _selects(policy: Object, workload: Workload) -> bool:
    selector = _selector(policy)
    return bool(selector) and match_labels_selects(selector, workload.labels)


def _age(policy: Object) -> tuple[str, str]:
    return policy.created_at, policy.name


def _by_selector(cluster: Cluster) -> dict[str, dict[tuple[str, str], list[Object]]]:
    """By namespace, then by the first label of the selector: a workload is asked about by each of its labels."""
    found: dict[str, dict[tuple[str, str], list[Object]]] = {}
    for policy in cluster.all(PEER_AUTHENTICATION):
        if _selector(policy):
            labels = string_map(_selector(policy), "matchLabels")
            key, value = next(iter(labels.items()), ("", ""))
            found.setdefault(policy.namespace, {}).setdefault((key, value), []).append(policy)
    return found


def _wide(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for policy in sorted(cluster.all(PEER_AUTHENTICATION), key=_age):
        if not _selector(policy):
            found.setdefault(policy.namespace, []).append(policy)
    return found
