"""unknown-api-group: an apiVersion that no cluster serves for this kind: mistyped, renamed, or of a wrong version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import KINDS, RENAMED_GROUPS, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD642",
    name="unknown-api-group",
    severity=Severity.ERROR,
    title="an object's apiVersion is one that no cluster serves",
)
READS: tuple[Kind, ...] = ()
"""Whatever manifests hold; what a cluster has, it serves."""

_ALIKE: Final = 0.7
_NEARLY_THE_SAME: Final = 0.85
# Groups of other products with kinds of the same names.
_OF_OTHERS: Final = frozenset((
    "appmesh.k8s.aws", "extensions.istio.io", "gateway.networking.x-k8s.io", "gateway.solo.io", "install.istio.io",
    "networking.gloo.solo.io", "networking.internal.knative.dev", "networking.mesh.gloo.solo.io", "serving.knative.dev",
))  # fmt: skip
# Kinds of a known group that are not in KINDS, and have the name of another group's kind.
_ALSO_SERVED: Final = frozenset((("policy.linkerd.io", "AuthorizationPolicy"), ("policy.linkerd.io", "HTTPRoute")))
# Names that many products give a kind of theirs: for these a group must be spelt nearly right to be a misspelt one.
_COMMON_NAMES: Final = frozenset(("Backend", "Gateway", "HealthCheckPolicy", "Ingress", "NetworkPolicy", "Server"))
# Versions that were served once, or are in some releases.
_ONCE: Final = {
    "apps": ("v1beta1", "v1beta2"),
    "discovery.k8s.io": ("v1beta1",),
    "networking.k8s.io": ("v1beta1",),
    "networking.istio.io": ("v1alpha3",),
    "security.istio.io": ("v1alpha1", "v1beta1"),
    "gateway.networking.k8s.io": ("v1alpha1", "v1alpha2", "v1alpha3", "v1beta1"),
    "projectcontour.io": ("v1alpha1",),
    "getambassador.io": ("v0", "v1", "v2", "v3alpha1"),
    "policy.linkerd.io": ("v1alpha1", "v1beta1", "v1beta2", "v1beta3"),
    "k8s.nginx.org": ("v1alpha1",),
    "cloud.google.com": ("v1beta1",),
    "linkerd.io": ("v1alpha1",),
}
_RENAMED_SINCE: Final = {
    "traefik.containo.us": "gone since Traefik 3",
    "extensions": "gone since Kubernetes 1.22, and backends changed",
    "networking.x-k8s.io": "the Gateway API moved",
}
_BY_NAME: Final[dict[str, tuple[Kind, ...]]] = {
    kind.name: tuple(other for other in KINDS if other.name == kind.name) for kind in KINDS
}
_GROUPS: Final = frozenset(kind.group for kind in KINDS)


@dataclass(frozen=True)
class _Meant:
    kind: Kind
    why: str
    confidence: float = 1.0


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in (*cluster.strangers, *cluster.objects):
        meant = _meant(item)
        if meant is not None and not item.created_at:  # an object that a server has made is served there
            yield _finding(item, meant)


def _meant(item: Object) -> _Meant | None:
    if item.kind.plural:
        return _of_known(item.kind, item.api_version)
    group = item.api_version.rpartition("/")[0]
    if group in _OF_OTHERS or (group, item.kind.name) in _ALSO_SERVED or not item.kind.name:
        return None
    same_name = _BY_NAME.get(item.kind.name, ())
    if group in _GROUPS:
        if same_name:
            return _Meant(_nearest(same_name, group), f"{group or 'the core group'} has no such kind")
        kind = _misspelt(item.kind.name, group)
        return _Meant(kind, f"{group or 'the core group'} has no such kind", 0.9) if kind else None
    alike = _NEARLY_THE_SAME if item.kind.name in _COMMON_NAMES else _ALIKE
    near = [kind for kind in same_name if _like(group, kind.group, alike)]
    return _Meant(_nearest(tuple(near), group), "there is no such group", 0.95) if near else None


@lru_cache(maxsize=1024)
def _of_known(kind: Kind, api_version: str) -> _Meant | None:
    group, _, version = api_version.rpartition("/")
    if group != kind.group and group in _RENAMED_SINCE and group in RENAMED_GROUPS:
        return _Meant(kind, _RENAMED_SINCE[group], 0.9)
    if version not in kind.versions and version not in _versions(kind):
        return _Meant(kind, f"{kind.name} has no version {version}", 0.9)
    return None


def _versions(kind: Kind) -> tuple[str, ...]:
    """Istio's kinds differ: EnvoyFilter is v1alpha3 only."""
    return () if kind.group == "networking.istio.io" else _ONCE.get(kind.group, ())


def _like(group: str, known: str, alike: float) -> bool:
    if not group or not known:
        return False
    return known.endswith(f".{group}") or SequenceMatcher(None, group, known).ratio() >= alike


def _nearest(kinds: tuple[Kind, ...], group: str) -> Kind:
    return max(kinds, key=lambda kind: SequenceMatcher(None, group, kind.group).ratio())


def _misspelt(name: str, group: str) -> Kind | None:
    """A kind of this group that differs in case, in a plural s, or in a letter or two."""
    for kind in KINDS:
        if kind.group != group:
            continue
        if name.lower() in (kind.name.lower(), kind.name.lower() + "s"):
            return kind
        longer = name.startswith(kind.name) or name.endswith(kind.name)
        if not longer and SequenceMatcher(None, name, kind.name).ratio() >= _NEARLY_THE_SAME:
            return kind
    return None


def _short(item: Object, kind: Kind) -> str:
    return kind.api_version if kind.name == item.kind.name else kind.name


def _finding(item: Object, meant: _Meant) -> Conclusion:
    kind = meant.kind
    right_kind = kind.name == item.kind.name
    edit = Edit(item).set(("apiVersion",), kind.api_version)
    if not right_kind:
        edit.set(("kind",), kind.name)
    wanted = f"{kind.api_version} {kind.name}"
    return about(
        RULE,
        item,
        ("apiVersion",) if right_kind else ("kind",),
        f"{item.title} is {item.api_version}: {meant.why}; {_short(item, kind)} is meant",
        symptom=f'kubectl refuses it: no matches for kind "{item.kind.name}" in version "{item.api_version}". What it '
        "should do is missing. Where other objects of the file are applied all the same, clients get what is left: "
        "UNIMPLEMENTED (12) without a route, UNAVAILABLE (14) without a Service.",
        fixes=(edit.fix(f"Write {wanted}"),),
        confidence=meant.confidence,
    )
