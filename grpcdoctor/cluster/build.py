"""From raw JSON to Objects: lists are taken apart, identities completed. What both readers share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.fields import FieldPath, items_at, text_at
from grpcdoctor.cluster.kinds import SECRET, Kind, kind_of
from grpcdoctor.cluster.objects import Object, Origin
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.undisturbed import undisturbed

DEFAULT_NAMESPACE = "default"


def objects_in(
    raw: Any, origin: Origin | None = None, default_namespace: str = DEFAULT_NAMESPACE
) -> Iterator[tuple[FieldPath, Object]]:
    """(where it lies in `raw`, the object) for an object or a List of them; nothing for anything else.

    An object of a kind that no rule knows has a Kind of its own, with `plural` empty. Of a Secret only what is public
    is kept.
    """
    if not isinstance(raw, dict):
        return
    name = text_at(raw, "kind")
    if name.endswith("List") and isinstance(raw.get("items"), list):
        for index, item in enumerate(items_at(raw, "items")):
            for path, found in objects_in(item, origin, default_namespace):
                yield ("items", index, *path), found
        return
    api_version = text_at(raw, "apiVersion")
    if not api_version or not name:
        return
    kind = kind_of(api_version, name) or _unknown(api_version, name)
    namespace = (text_at(raw, "metadata", "namespace") or default_namespace) if kind.namespaced else ""
    if kind is SECRET and ("data" in raw or "stringData" in raw):
        from grpcdoctor.cluster.live.secrets import public_part

        raw = public_part(raw)
    yield (), Object(kind, raw, namespace, origin)


def cluster_of(
    documents: Iterable[Any], complete: bool = False, default_namespace: str = DEFAULT_NAMESPACE, name: str = ""
) -> Cluster:
    """A Cluster from raw JSON already in memory. `complete`: these objects are all that there is."""
    with undisturbed():
        found = [item for raw in documents for _, item in objects_in(raw, None, default_namespace)]
    coverage = Coverage.everything() if complete else Coverage.nothing()
    return Cluster(
        (item for item in found if item.kind.plural),
        coverage,
        name=name,
        strangers=[item for item in found if not item.kind.plural],
    )


def _unknown(api_version: str, name: str) -> Kind:
    group, _, version = api_version.rpartition("/")
    return Kind(group, name, "", (version,))
