"""Discovery: at which version and under which word the server serves each kind, if at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import items_at, mapping_at, mappings_at, text_at, texts_at
from grpcdoctor.cluster.kinds import RENAMED_GROUPS, Kind
from grpcdoctor.cluster.live.answers import JSON, Asker, Failure, RequestFailed
from grpcdoctor.cluster.live.crew import Tell, run_all

# Kubernetes 1.26 and later tell everything at once (KEP-3352); others ignore what they do not know.
_AGGREGATED: Final = ",".join(
    [
        *(f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")),
        JSON,
    ]
)
_CORE: Final = ""
# A group that only gave its kinds to another one shows the same objects under both names.
_SAME_OBJECTS: Final = frozenset(("extensions",))


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as a server serves it."""

    kind: Kind
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of one object, or of all in a namespace, or of all."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        where = f"/namespaces/{namespace}" if namespace and self.kind.namespaced else ""
        return f"{root}{where}/{self.plural}" + (f"/{name}" if name else "")


Source = tuple[Resource, ...]
"""One place that a kind's objects are read from: mostly one resource; several, to be tried, where discovery failed."""
# Of one group: what is served at each version, the server's favourite first: kind -> plural. None: it did not tell.
_Group = Mapping[str, Mapping[str, str]] | None


def discover(asker: Asker, kinds: Iterable[Kind], parallel: int) -> dict[Kind, tuple[Source, ...]]:
    """Where each kind is read from; nothing for a kind that is not served, whose CRD is not installed.

    Where discovery fails, the versions that we know stand as candidates: the list itself tells then.
    """
    wanted = tuple(kinds)
    names = {kind.group for kind in wanted if kind.group} | set(RENAMED_GROUPS)
    try:
        answer = asker.ask("/apis", accept=_AGGREGATED)
        whole = text_at(answer, "kind") == "APIGroupDiscoveryList"
        groups = _aggregated(answer) if whole else _each(asker, answer, names, parallel)
    except RequestFailed:
        groups = {kind.group: None for kind in wanted}
    return {kind: tuple(_sources(kind, groups)) for kind in wanted}


def _sources(kind: Kind, groups: Mapping[str, _Group]) -> Iterable[Source]:
    if kind.group == _CORE:  # there has only ever been v1, and it is not worth a request
        yield (Resource(kind, "", kind.versions[0], kind.plural),)
        return
    own = _source(kind, kind.group, groups)
    for old, new in RENAMED_GROUPS.items():
        if new == kind.group and not (own and old in _SAME_OBJECTS):
            source = _source(kind, old, groups)
            if source:
                yield source
    if own:  # last, for of two objects with one name the later one counts
        yield own


def _source(kind: Kind, group: str, groups: Mapping[str, _Group]) -> Source:
    if group not in groups:
        return ()
    served = groups[group]
    if served is None:
        return tuple(Resource(kind, group, version, kind.plural) for version in kind.versions)
    order = [*(version for version in kind.versions if version in served), *served]
    for version in order:
        plural = served[version].get(kind.name)
        if plural:
            return (Resource(kind, group, version, plural),)
    return ()


def _aggregated(answer: Mapping[str, Any]) -> dict[str, _Group]:
    """From an APIGroupDiscoveryList. A version whose own server is away is Stale, and then nothing is certain."""
    found: dict[str, _Group] = {}
    for _, group in mappings_at(answer, "items"):
        versions = [version for _, version in mappings_at(group, "versions")]
        stale = any(text_at(version, "freshness") == "Stale" for version in versions)
        served = {
            text_at(version, "version"): {
                text_at(mapping_at(resource, "responseKind"), "kind"): text_at(resource, "resource")
                for _, resource in mappings_at(version, "resources")
                if _can_list(resource)
            }
            for version in versions
        }
        found[text_at(group, "metadata", "name")] = None if stale else served
    return found


def _each(asker: Asker, answer: Mapping[str, Any], names: set[str], parallel: int) -> dict[str, _Group]:
    """From an APIGroupList, and a request for every version of the groups that matter."""
    jobs = [
        _Version(group, text_at(version, "version"))
        for _, raw in mappings_at(answer, "groups")
        if (group := text_at(raw, "name")) in names
        for version in _favourite_first(raw)
    ]
    run_all(jobs, asker, parallel)
    found: dict[str, _Group] = {}
    for group in {job.group for job in jobs}:
        own = [job for job in jobs if job.group == group]
        failed = any(job.failure is not None and job.failure.status != 404 for job in own)
        found[group] = None if failed else {job.version: job.served for job in own}
    return found


def _favourite_first(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    favourite = text_at(group, "preferredVersion", "version")
    versions = [version for _, version in mappings_at(group, "versions")]
    return sorted(versions, key=lambda version: text_at(version, "version") != favourite)


class _Version:
    """The job of asking what one version of a group serves."""

    def __init__(self, group: str, version: str) -> None:
        self.group, self.version = group, version
        self.served: dict[str, str] = {}
        self.failure: Failure | None = None
        self.done = False

    def run(self, asker: Asker, tell: Tell) -> None:
        answer = asker.ask(f"/apis/{self.group}/{self.version}")
        self.served = {
            text_at(resource, "kind"): text_at(resource, "name")
            for resource in items_at(answer, "resources")
            if "/" not in text_at(resource, "name") and _can_list(resource)
        }


def _can_list(resource: Any) -> bool:
    return "list" in texts_at(resource, "verbs")
