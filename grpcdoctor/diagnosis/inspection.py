"""inspect: a cluster to its report. Pure: the readers have done the reading."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from grpcdoctor.cluster.kinds import NAMESPACE
from grpcdoctor.cluster.paths import paths_for
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.undisturbed import undisturbed
from grpcdoctor.diagnosis.cluster_causes import cluster_causes, objects_of
from grpcdoctor.diagnosis.cluster_hops import hop_paths, objects_on
from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.diagnosis.engine import now
from grpcdoctor.diagnosis.judge import run_check
from grpcdoctor.diagnosis.registry import cluster_checks
from grpcdoctor.diagnosis.suppression import Suppression
from grpcdoctor.model.finding import BlindSpot, Finding
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.target import Target

NEAREST_HOSTS: Final = 3


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """What of a cluster is of interest."""

    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    host: str | None = None
    suppression: Suppression = field(default_factory=Suppression)


def inspect_cluster(cluster: Cluster, scope: Scope, options: InspectOptions | None = None) -> Report:
    """Judge, filter, group. Raises nothing: a rule that fails is a blind spot that says so."""
    with undisturbed():
        return _inspected(cluster, scope, options or InspectOptions())


def _inspected(cluster: Cluster, scope: Scope, wanted: InspectOptions) -> Report:
    started_at, started = now(), time.monotonic()
    findings, blind_spots = judge_cluster(cluster)
    blind_spots += _empty(cluster, wanted.namespaces)
    if wanted.host is not None:
        blind_spots += _unrouted(cluster, wanted.host)
        findings = _about_host(cluster, findings, wanted.host)
    kept, suppressed = wanted.suppression.apply(_in_namespaces(findings, wanted.namespaces), cluster)
    causes = cluster_causes(kept)
    shown = hop_paths(cluster, kept, wanted.host, wanted.namespaces)
    return Report(
        target=Target(scope.input, host=wanted.host or "", port=0, tls=False, port_given=False),
        verdict=verdict_of(causes, blind_spots),
        started_at=started_at,
        duration_ms=(time.monotonic() - started) * 1000,
        causes=causes,
        findings=kept,
        hops=tuple(dict.fromkeys(hop for path in shown for hop in path.hops)),
        blind_spots=blind_spots,
        command="inspect",
        scope=replace(scope, host=wanted.host, namespaces=wanted.namespaces, objects=len(cluster.objects)),
        paths=shown,
        suppressed=tuple(sorted(suppressed.items())),
    )


def judge_cluster(cluster: Cluster) -> tuple[tuple[Finding, ...], tuple[BlindSpot, ...]]:
    """(findings by code, blind spots) of all rules about a cluster."""
    findings: list[Finding] = []
    blind_spots: list[BlindSpot] = list(cluster.blind_spots)
    for check in cluster_checks():
        run_check(check.rule, check.function, cluster, findings, blind_spots)
    return tuple(findings), tuple(dict.fromkeys(blind_spots))


def _in_namespaces(findings: Sequence[Finding], namespaces: tuple[str, ...]) -> tuple[Finding, ...]:
    """Those about an object in one of them: the subject, or another one that it concerns."""
    if not namespaces:
        return tuple(findings)
    wanted = frozenset(namespaces)
    return tuple(f for f in findings if any(_namespace(title) in wanted for title in objects_of(f)))


def _namespace(title: str) -> str:
    return title.partition(" ")[2].rpartition("/")[0]


def _about_host(cluster: Cluster, findings: Iterable[Finding], host: str) -> tuple[Finding, ...]:
    """Those about an object that a request for the host meets."""
    met = objects_on(cluster, paths_for(cluster, host), host)
    return tuple(f for f in findings if not met.isdisjoint(objects_of(f)))


def _empty(cluster: Cluster, namespaces: tuple[str, ...]) -> tuple[BlindSpot, ...]:
    """Namespaces of which nothing was read, mostly for a slip of the keyboard: that is no clean bill of health."""
    if not namespaces:
        return ()
    from difflib import get_close_matches

    known = {item.namespace or item.name for item in cluster.objects if item.namespace or item.kind is NAMESPACE}
    spots = []
    for name in (name for name in namespaces if name not in known):
        close = get_close_matches(name, known, n=NEAREST_HOSTS)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        spots.append(BlindSpot(f"namespace {name}", f"no object that was read is in it{hint}"))
    return tuple(spots)


def _unrouted(cluster: Cluster, host: str) -> tuple[BlindSpot, ...]:
    """Nothing leads from this host to anywhere: the closest hosts help to see why."""
    if paths_for(cluster, host):
        return ()
    from difflib import get_close_matches

    from grpcdoctor.cluster.paths import paths

    known = sorted({path.host for path in paths(cluster) if path.host})
    close = get_close_matches(host, known, n=NEAREST_HOSTS, cutoff=0.6)
    hint = f"; the closest hosts that are routed: {', '.join(close)}" if close else ""
    return (BlindSpot(f"the way of {host}", f"no route among these objects takes this host{hint}"),)
