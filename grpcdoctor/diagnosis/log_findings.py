"""What a counted log tells: a finding for each cause and upstream, and remarks on what is no fault of a proxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from grpcdoctor.checks._suspects import finding_of
from grpcdoctor.diagnosis.registry import rule_named
from grpcdoctor.model.facts.log import LogFacts, LogGroup
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Evidence, Finding, Source, Subject
from grpcdoctor.model.rule import Severity
from grpcdoctor.texts.access_log import Outcome as Ending

_MOST_EVIDENCE: Final = 6
_LEAST_CONFIDENCE: Final = 0.05
_GENERAL: Final = ("any", "os", "openssl", "golang", "jvm")
"""Libraries whose words are not only of gRPC."""
_BREAKS_SHARE: Final = 0.5
"""From this share of the requests to one upstream on, calls fail; below it, some calls fail."""


def findings_of_log(facts: LogFacts) -> Iterator[Finding]:
    """One for each cause and upstream, the worst and the most frequent first; then what is merely worth knowing."""
    alike: dict[tuple[str, str], list[LogGroup]] = {}
    for group in facts.groups:
        if group.suspects and group.suspects[0].confidence >= _LEAST_CONFIDENCE:
            alike.setdefault((group.suspects[0].rule, group.upstream_cluster), []).append(group)
    found = [_finding(groups, facts) for groups in alike.values()]
    weights = {id(finding): sum(g.count for g in groups) for finding, groups in zip(found, alike.values(), strict=True)}
    yield from sorted(found, key=lambda finding: (finding.effective_severity.rank, -weights[id(finding)]))
    yield from _remarks(facts)


def _finding(groups: Sequence[LogGroup], facts: LogFacts) -> Finding:
    suspect, cluster = groups[0].suspects[0], groups[0].upstream_cluster
    finding = finding_of(suspect, rule_named(suspect.rule), TextFacts(suspects=groups[0].suspects))
    evidence = tuple(Evidence(said_of(group), Source.LOG, "log") for group in groups[:_MOST_EVIDENCE])
    return Finding(
        rule=finding.rule,
        message=finding.message,
        explanation=finding.explanation,
        evidence=(*evidence, *finding.evidence),
        fixes=finding.fixes,
        severity=_severity(groups, facts, finding.rule.severity),
        confidence=finding.confidence,
        alternatives=finding.alternatives,
        cause_id=finding.cause_id,
        subject=Subject(kind="cluster", name=cluster) if cluster else None,
    )


def _severity(groups: Sequence[LogGroup], facts: LogFacts, own: Severity) -> Severity:
    """By effect: most requests of these paths fail, or some. How many calls a message stands for nobody knows; what an
    operating system says may be of any connection."""
    if any(group.kind == "messages" for group in groups):
        return own if any(group.said_by not in _GENERAL for group in groups) else Severity.WARNING
    failed = sum(group.count for group in groups)
    well = facts.requests - sum(count for outcome, count in facts.outcomes if outcome == Ending.PROXY.value)
    return own if failed >= _BREAKS_SHARE * (failed + well) else Severity.WARNING


def said_of(group: LogGroup) -> str:
    """One line on a group: how many, where, how they ended."""
    what = "requests" if group.kind == "requests" else "messages"
    parts = [f"{group.count:,} {what if group.count != 1 else what[:-1]} ({group.share:.1%})"]
    parts += [part for part in (group.path, group.upstream_cluster and f"to {group.upstream_cluster}") if part]
    ended = " ".join(part for part in (",".join(group.flags), group.details) if part)
    if ended:
        parts.append(ended)
    if group.cut_at:
        parts.append(", ".join(f"{count:,} ended at {seconds:g} s" for seconds, count in group.cut_at[:2]))
    if group.transport_failures:
        parts.append(group.transport_failures[0][0])
    return " · ".join(parts)


def _remarks(facts: LogFacts) -> Iterator[Finding]:
    """What is no fault of a proxy: the application's own errors, and gRPC that came by HTTP/1."""
    own = [group for group in facts.groups if group.outcome == Ending.APPLICATION.value]
    if own:
        count = sum(group.count for group in own)
        yield Finding(
            rule=rule_named("call-failed"),
            message=f"{count:,} requests were answered by the application with an error of its own",
            evidence=tuple(Evidence(said_of(group), Source.LOG, "log") for group in own[:_MOST_EVIDENCE]),
            severity=Severity.INFO,
        )
    if facts.grpc_over_http1:
        words = f"{facts.grpc_over_http1:,} of {facts.grpc:,} requests for gRPC methods came by HTTP/1"
        yield Finding(
            rule=rule_named("upstream-protocol-mismatch"),
            message=f"{words}; unless it is gRPC-Web, Connect or JSON, a hop before this one took HTTP/2 away",
            evidence=(Evidence(words, Source.LOG, "log"),),
            severity=Severity.INFO,
        )
