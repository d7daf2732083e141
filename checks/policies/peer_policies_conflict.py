"""peer-policies-conflict: of two PeerAuthentications of one scope the oldest counts, and they say different things."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import all_served
from grpcdoctor.cluster.changes import delete
from grpcdoctor.cluster.fields import mapping_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.mtls import policies_selecting, policies_wide
from grpcdoctor.cluster.kinds import PEER_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD744",
    name="peer-policies-conflict",
    severity=Severity.WARNING,
    title="two PeerAuthentications of one scope say different things",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    root = mesh_config(cluster).root_namespace
    told: set[int] = set()
    if len(cluster.all(PEER_AUTHENTICATION)) < 2:
        return
    for one in all_served(cluster):
        selecting = policies_selecting(cluster, one.workload)
        wide, mesh = policies_wide(cluster, one.workload.namespace), policies_wide(cluster, root)
        for level, words in ((selecting, one.workload.title), (wide, "its namespace"), (mesh, "the mesh")):
            for other in level[1:]:
                if id(other) not in told and _settings(other) != _settings(level[0]):
                    told.add(id(other))
                    yield _finding(level[0], other, words, one.port.service.object)


def _finding(winner: Object, other: Object, scope: str, service: Object) -> Conclusion:
    dated = bool(winner.created_at and other.created_at)
    which = "is older and counts" if dated else "counts where it is the older"
    return about(
        RULE,
        other,
        ("spec",),
        f"{other.title} differs from {winner.full_name}, which has the same scope and {which}",
        symptom=f"Both are for {scope}. Which of them counts depends on which was made first. Where it is the wrong "
        "one, clients without a sidecar get UNAVAILABLE: connection reset by peer, or plaintext gets through.",
        evidence=(seen(winner, ("spec",)),),
        fixes=(delete(other, f"Delete it, which changes nothing where {winner.name} is the older"),),
        related=(winner, service),
        confidence=1.0 if dated else 0.9,
    )


def _settings(policy: Object) -> tuple[object, object]:
    return mapping_at(policy.raw, "spec", "mtls"), mapping_at(policy.raw, "spec", "portLevelMtls")
