"""BackendTLSPolicy: which one is for a Service port.

Source: the Gateway API's specification, GEP-1897; of several policies for one port the oldest counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.kinds import BACKEND_TLS_POLICY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """One of a policy's targetRefs, to a Service. An empty `section` is for all its ports."""

    policy: Object
    section: str
    path: FieldPath


def policy_for(cluster: Cluster, port: ServicePort) -> PolicyTarget | None:
    """The policy for a port: one for its name comes before one for the whole Service."""
    targets = cluster.once(_by_service).get((port.service.namespace, port.service.name), ())
    for wanted in (port.name, "") if port.name else ("",):
        found = next((target for target in targets if target.section == wanted), None)
        if found is not None:
            return found
    return None


def targets_of(policy: Object) -> tuple[tuple[FieldPath, dict[str, object]], ...]:
    """(path, targetRef): `targetRef` of old versions, too."""
    found = [(("spec", "targetRefs", index), raw) for index, raw in mappings_at(policy.raw, "spec", "targetRefs")]
    single = policy.spec.get("targetRef")
    return (*found, *((((("spec", "targetRef"), single)),) if isinstance(single, dict) else ()))


def _by_service(cluster: Cluster) -> dict[tuple[str, str], list[PolicyTarget]]:
    found: dict[tuple[str, str], list[PolicyTarget]] = {}
    for policy in sorted(cluster.all(BACKEND_TLS_POLICY), key=lambda item: (item.created_at, item.name)):
        for path, raw in targets_of(policy):
            if text_at(raw, "kind") == "Service" and text_at(raw, "group") in ("", "core"):
                target = PolicyTarget(policy, text_at(raw, "sectionName"), path)
                found.setdefault((policy.namespace, text_at(raw, "name")), []).append(target)
    return found
