"""Overlay: manifests laid over a live cluster, which answers "what if I applied this?"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from grpcdoctor.cluster.fields import mapping_at
from grpcdoctor.cluster.kinds import POD
from grpcdoctor.cluster.manifests import Manifests
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import TEMPLATED, Workload, owner_of

# Fields of a pod template that the API server does not fill in: where the manifest has none, it takes them away.
_NEVER_DEFAULTED: Final = frozenset(
    ("args", "command", "env", "livenessProbe", "ports", "readinessProbe", "startupProbe")
)
# Written by `kubectl rollout restart`, and kept by `kubectl apply`.
_RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"


def lay_over(live: Cluster, manifests: Manifests) -> Cluster:
    """The live cluster with the manifests' objects in place of its own of the same kind, namespace and name.

    The live pods of a workload whose pod template the manifests change go: applying would replace them.
    """
    replaced = _changed_workloads(live, manifests.objects)
    stay = (item for item in live.objects if not _goes(live, item, replaced)) if replaced else live.objects
    return Cluster(
        (*stay, *manifests.objects),
        live.coverage,
        (*live.blind_spots, *manifests.broken),
        live.name,
        (*live.strangers, *manifests.strangers),
    )


def _changed_workloads(live: Cluster, objects: Iterable[Object]) -> frozenset[Object]:
    """The live workloads that get another pod template."""
    pairs = [(live.get(item.kind, item.namespace, item.name), item) for item in objects if item.kind in TEMPLATED]
    return frozenset(old for old, new in pairs if old is not None and not _keeps(_template(old), _template(new)))


def _template(holder: Object) -> dict[str, Any]:
    return mapping_at(holder.raw, "spec", "template")


def _goes(live: Cluster, item: Object, replaced: frozenset[Object]) -> bool:
    return item.kind is POD and owner_of(live, Workload(item, (), None))[0] in replaced


def _keeps(old: Any, new: Any) -> bool:
    """Whether applying `new` leaves `old` as it is: a field that `new` does not have is the API server's default."""
    if isinstance(old, dict) and isinstance(new, dict):
        if any(_own(old, key) != _own(new, key) for key in ("annotations", "labels")):
            return False
        said = new.keys() | (old.keys() & _NEVER_DEFAULTED)
        return all(_keeps(old.get(key), new.get(key)) for key in said if key not in ("annotations", "labels"))
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_keeps, old, new))
    return bool(old == new) or (not old and not new)


def _own(template: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping_at(template, key).items() if name != _RESTARTED_AT}
