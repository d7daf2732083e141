"""ReferenceGrants: whether an object may refer to one in another namespace."""

from __future__ import annotations

from grpcdoctor.cluster.fields import mappings_at, text_at
from grpcdoctor.cluster.kinds import REFERENCE_GRANT, Kind
from grpcdoctor.cluster.snapshot import Cluster


def is_granted(cluster: Cluster, source: Kind, source_namespace: str, to: Kind, namespace: str, name: str) -> bool:
    """Whether a `source` object in one namespace may refer to the `to` object `namespace/name`."""
    if source_namespace == namespace:
        return True
    for grant in cluster.in_namespace(REFERENCE_GRANT, namespace):
        allowed = any(
            text_at(item, "group") == source.group
            and text_at(item, "kind") == source.name
            and text_at(item, "namespace") == source_namespace
            for _, item in mappings_at(grant.raw, "spec", "from")
        )
        if allowed and any(
            text_at(item, "group") in (to.group, "core" if not to.group else to.group)
            and text_at(item, "kind") == to.name
            and text_at(item, "name") in ("", name)
            for _, item in mappings_at(grant.raw, "spec", "to")
        ):
            return True
    return False


def grant_manifest(source: Kind, source_namespace: str, to: Kind, namespace: str, name: str) -> dict[str, object]:
    """A ReferenceGrant that allows exactly this."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": REFERENCE_GRANT.name,
        "metadata": {"name": f"{source_namespace}-to-{name}"[:63], "namespace": namespace},
        "spec": {
            "from": [{"group": source.group, "kind": source.name, "namespace": source_namespace}],
            "to": [{"group": to.group, "kind": to.name, "name": name}],
        },
    }
