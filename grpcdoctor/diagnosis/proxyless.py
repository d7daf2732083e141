"""inspect --proxyless: what workloads would lose, keep and gain without their sidecars, added to a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks.proxyless._clients import owners
from grpcdoctor.checks.proxyless.proxyless_migration import candidates, migration_of
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, owner_of
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.report import Report

NEAREST: Final = 3


class ProxylessError(Exception):
    """No workload has the name that was asked for; the text is one line, with the closest names."""


def with_proxyless(report: Report, cluster: Cluster, workload: str) -> Report:
    """The report with one finding of proxyless-migration for each feature in use.

    `workload` is `name`, `namespace/name` or `kind/name`; empty means every workload with a sidecar that serves gRPC or
    calls it, in the namespaces of the report. Raises ProxylessError.
    """
    chosen = _named(cluster, workload) if workload else _in_scope(report, cluster)
    found = [finding for one in chosen for finding in migration_of(cluster, one)]
    if not chosen:
        why = "no workload with a sidecar serves gRPC or calls it, as far as these objects tell"
        spot = BlindSpot("what would change without sidecars", why, blocks_verdict=False)
        return replace(report, blind_spots=(*report.blind_spots, spot))
    told = {(finding.rule.name, finding.message, finding.subject) for finding in report.findings}
    new = tuple(f for f in found if (f.rule.name, f.message, f.subject) not in told)
    return replace(report, findings=(*report.findings, *new))


def _in_scope(report: Report, cluster: Cluster) -> tuple[Workload, ...]:
    wanted = report.scope.namespaces if report.scope is not None else ()
    return tuple(one for one in candidates(cluster) if not wanted or one.namespace in wanted)


def _named(cluster: Cluster, text: str) -> tuple[Workload, ...]:
    found = tuple(one for one in owners(cluster) if text.lower() in _names(cluster, one))
    if not found:
        raise ProxylessError(f"no workload {text}{_closest(cluster, text)}")
    return found


def _names(cluster: Cluster, workload: Workload) -> tuple[str, ...]:
    """Every way to write it, of the pod and of its owner, in lower case."""
    found: list[str] = []
    for item in dict.fromkeys((owner_of(cluster, workload)[0], workload.object)):
        kind, name = item.kind.name, item.name
        found += (name, f"{item.namespace}/{name}", f"{kind}/{name}", f"{item.namespace}/{kind}/{name}")
    return tuple(name.lower() for name in found)


def _closest(cluster: Cluster, text: str) -> str:
    full = {owner_of(cluster, one)[0].full_name for one in owners(cluster)}
    wanted = text if "/" in text else ""
    close = get_close_matches(wanted, sorted(full), n=NEAREST, cutoff=0.6) if wanted else _by_name(full, text)
    return f"; the closest: {', '.join(close)}" if close else ""


def _by_name(full: Iterable[str], text: str) -> list[str]:
    """By the name without its namespace."""
    names: dict[str, list[str]] = {}
    for each in sorted(full):
        names.setdefault(each.rpartition("/")[2], []).append(each)
    close = get_close_matches(text, sorted(names), n=NEAREST, cutoff=0.6)
    return [each for name in close for each in names[name]][:NEAREST]
