"""The paths of a cluster as the report has them: their legs as Hops, each with the rule that names what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from grpcdoctor.cluster.claims import claiming
from grpcdoctor.cluster.fields import dotted
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.settings_on import settings_on
from grpcdoctor.cluster.paths import Leg, Path, paths, paths_for
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.diagnosis.cluster_causes import objects_of
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.report import Hop, HopPath
from grpcdoctor.model.rule import Severity

# Rules about the HTTP version on a leg: they mark the leg at which it changes; others mark the leg of their object.
_VERSION_RULES: Final = ("service-port-", "upgrade-policy-", "route-backend-protocol-", "app-protocol-")


def hop_paths(
    cluster: Cluster, findings: Sequence[Finding], host: str | None = None, namespaces: tuple[str, ...] = ()
) -> tuple[HopPath, ...]:
    """All of them, or those of a host, or those that touch a namespace."""
    chosen = paths_for(cluster, host) if host is not None else paths(cluster)
    if namespaces:
        chosen = tuple(path for path in chosen if _touches(path, frozenset(namespaces)))
    wrong = _problems(findings)
    return tuple(_hop_path(path, wrong, host) for path in chosen)


def objects_on(cluster: Cluster, chosen: Iterable[Path], host: str) -> frozenset[str]:
    """Every object that a request on these paths meets, as `Kind namespace/name`."""
    found: set[str] = set()
    for path in chosen:
        found.update(_objects_of(path))
        found.update(item.title for workload in _workloads_of(path) for item in settings_on(cluster, workload))
    found.update(item.title for item in claiming(cluster, host))
    return frozenset(found)


def _objects_of(path: Path) -> Iterator[str]:
    yield path.rule.object.title
    if path.entrance is not None:
        yield path.entrance.object.title
        yield from (service.title for service in path.entrance.services)
    if path.backend.service is not None:
        yield path.backend.service.title
    yield from (workload.title for workload in _workloads_of(path))
    for leg in path.legs:
        for decision in (leg.decision, leg.tls_decision):
            if decision is not None and decision.object is not None:
                yield decision.object.title


def _workloads_of(path: Path) -> Iterator[Workload]:
    yield from path.entrance.workloads if path.entrance is not None else ()
    yield from path.backend.service.workloads if path.backend.service is not None else ()


def _touches(path: Path, namespaces: frozenset[str]) -> bool:
    inside = path.backend.service is not None and path.backend.service.namespace in namespaces
    return inside or path.rule.object.namespace in namespaces


def _problems(findings: Sequence[Finding]) -> dict[str, Finding]:
    """object -> its worst finding that is no mere remark."""
    found: dict[str, Finding] = {}
    for finding in findings:
        if finding.effective_severity is Severity.INFO:
            continue
        for title in objects_of(finding):
            other = found.get(title)
            if other is None or finding.effective_severity.rank < other.effective_severity.rank:
                found[title] = finding
    return found


def _hop_path(path: Path, wrong: dict[str, Finding], host: str | None) -> HopPath:
    breaks = path.first_http1 if path.is_grpc else None
    hops = tuple(_hop(leg, _problem(path, index, leg, breaks, wrong)) for index, leg in enumerate(path.legs))
    shown = host if host is not None and path.host.startswith("*") else path.host
    return HopPath(
        host=shown or "*",
        route=f"{path.rule.object.title} {dotted(path.rule.path)}".strip(),
        match=", ".join(match.value for match in path.rule.matches if match.value),
        hops=hops,
        is_grpc=path.is_grpc,
    )


def _problem(path: Path, index: int, leg: Leg, breaks: int | None, wrong: dict[str, Finding]) -> str | None:
    """The rule that names what is wrong on this leg; the HTTP version's own where it is what breaks."""
    titles = [leg.destination.object]
    titles += [d.object.title for d in (leg.decision, leg.tls_decision) if d is not None and d.object is not None]
    if index == breaks:
        named = [wrong[title].rule.name for title in (*titles, path.rule.object.title) if title in wrong]
        about_version = next((name for name in named if name.startswith(_VERSION_RULES)), None)
        return about_version or (named[0] if named else "upstream-protocol-mismatch")
    found = next((wrong[title] for title in titles if title in wrong), None)
    if found is None or found.rule.name.startswith(_VERSION_RULES) or found.effective_severity is not Severity.ERROR:
        return None
    return found.rule.name


def _hop(leg: Leg, problem: str | None) -> Hop:
    decision = leg.decision
    return Hop(
        source=leg.source.title,
        destination=leg.destination.title,
        protocol=(leg.spoken if leg.spoken is not Spoken.SAME else Spoken.UNKNOWN).value,
        tls=leg.tls.word,
        decided_by=decision.decided_by if decision is not None else None,
        reason=decision.reason if decision is not None else "",
        problem=problem,
        source_kind=leg.source.kind,
        destination_kind=leg.destination.kind,
    )
