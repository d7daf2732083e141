"""explain, of a log: counts its requests and messages, has the kinds of them explained as texts, and reports.

A kind is explained once, however many lines it has; so a log of any length costs what its kinds cost.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from grpcdoctor.checks._suspects import finding_of
from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.diagnosis.engine import now
from grpcdoctor.diagnosis.explain import COMMAND, cause_of, target_of
from grpcdoctor.diagnosis.registry import rule_named
from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.model.facts.log import LogFacts, LogGroup
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding, Source
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.model.redact import redact
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.texts.access_log import Aggregator, Entry, GroupSummary, LogFilter, Summary, parse_line
from grpcdoctor.texts.access_log import Outcome as Ending
from grpcdoctor.texts.access_log.outcome import outcome_of
from grpcdoctor.texts.messages import Message, Messages, continues
from grpcdoctor.texts.reading import read_text

OTHERS_END_WELL: Final = "most requests of this kind end well"
"""A clue (texts/clues.yaml): what is configured for all of them is not to blame."""
MOST_SHOWN: Final = 60
"""Groups that a report carries; the rest is counted."""
_MOST_EVIDENCE: Final = 6
_GARBLED_SHARE: Final = 0.2
"""Of lines that are no text: beyond it, it is no log."""
_GARBLED: Final = "\ufffd"
"""What stands for bytes that are no UTF-8."""
_BREAKS_SHARE: Final = 0.5
"""From this share of the requests to one upstream on, calls fail; below it, some calls fail."""
_LEAST_CONFIDENCE: Final = 0.05
_GENERAL: Final = ("any", "os", "openssl", "golang", "jvm")
"""Libraries whose words are not only of gRPC."""


@dataclass
class LogExplainer:
    """One log, read a batch of lines at a time. `report` may be asked while it goes on."""

    keep: LogFilter = field(default_factory=LogFilter)
    target: str | None = None
    name: str = "the log"
    """For headings."""
    lines: int = 0
    _garbled: int = 0
    _requests: Aggregator = field(init=False)
    _messages: Messages = field(default_factory=Messages)
    _started_at: str = field(default_factory=now)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._requests = Aggregator(keep=self.keep)

    def add(self, lines: Sequence[str]) -> None:
        """Some lines, without their ends."""
        self.lines += len(lines)
        entries = [parse_line(line) for line in lines]
        self._requests.add_all(entry for entry in entries if entry is not None)
        if None in entries:
            for line, entry in zip(lines, entries, strict=True):
                if entry is not None or not line:
                    continue
                if _GARBLED in line:
                    self._garbled += 1
                elif self._wants(line):
                    self._messages.add(line)

    def _wants(self, line: str) -> bool:
        """A message has no fields to filter by: it must speak of the host, and of the path."""
        host, path = self.keep.host.strip("*"), self.keep.path.strip("*")
        return (not host or host in line) and (not path or path in line)

    def report(self, notes: Sequence[str] = ()) -> Report:
        """What was read so far."""
        self._messages.end()
        facts = redact(self._facts(tuple(notes)), ())
        findings = tuple(_findings(facts))
        causes = tuple(cause_of(finding) for finding in findings if finding.effective_severity is not Severity.INFO)
        spots = tuple(_unread(facts))
        took = (time.monotonic() - self._started) * 1000
        return Report(
            target=target_of(self.target, self.name),
            verdict=verdict_of(causes, spots),
            started_at=self._started_at,
            duration_ms=took,
            causes=causes,
            findings=findings,
            observations=(Observation("log", Outcome.OK, facts, duration_ms=took),),
            blind_spots=spots,
            command=COMMAND,
        )

    def _facts(self, notes: tuple[str, ...]) -> LogFacts:
        summary = self._requests.summary()
        groups = [*_request_groups(summary, self.target), *_message_groups(self._messages)]
        groups.sort(key=lambda group: (not group.suspects, -group.count))
        total = summary.total
        return LogFacts(
            lines=self.lines,
            garbled=self._garbled,
            requests=total.count,
            outcomes=tuple((outcome.value, summary.outcomes.get(outcome, 0)) for outcome in Ending),
            first=_moment(total.first),
            last=_moment(total.last),
            slot_seconds=summary.slots.width if summary.slots else 0,
            over_time=total.over_time,
            faults_over_time=_summed([group.counts.over_time for group in summary.flagged]),
            grpc=summary.grpc,
            grpc_over_http1=summary.grpc_over_http1,
            groups=tuple(groups[:MOST_SHOWN]),
            folded=summary.folded,
            left_out=summary.left_out,
            notes=notes,
        )


def is_log(lines: Sequence[str]) -> bool:
    """Whether a short text is rather a log: several requests, or one that ended well and so tells of no fault."""
    entries = [entry for line in lines if (entry := parse_line(line)) is not None]
    return len(entries) > 1 or (len(entries) == 1 and outcome_of(entries[0]) is Ending.OK)


def is_trace(lines: Sequence[str]) -> bool:
    """Whether most lines continue the one before: a stack trace is one text."""
    return sum(continues(line) for line in lines) > len(lines) / 2


def _request_groups(summary: Summary, target: str | None) -> Iterator[LogGroup]:
    """The groups that did not end well; those of the proxy's own making with what they point to."""
    well: Counter[tuple[str, str]] = Counter()
    for group in summary.groups:
        if group.key.outcome is Ending.OK:
            well[group.key.path, group.key.upstream_cluster] += group.counts.count
    for found in (*summary.groups, *summary.others):
        if found.key.outcome is not Ending.OK:
            others_end_well = well[found.key.path, found.key.upstream_cluster] > found.counts.count
            yield _request_group(found, target, others_end_well)


def _request_group(found: GroupSummary, target: str | None, others_end_well: bool) -> LogGroup:
    key, counts = found.key, found.counts
    latency = counts.latency
    text = text_of(found.example, [cluster.seconds for cluster in counts.clusters])
    if others_end_well:
        text += f" ({OTHERS_END_WELL})"
    suspects = read_text(text, target).suspects if key.flagged else ()
    return LogGroup(
        outcome=key.outcome.value,
        count=counts.count,
        share=round(counts.share, 6),
        path=key.path,
        authority=key.authority,
        upstream_cluster=key.upstream_cluster,
        route=key.route_name,
        flags=key.flags,
        details=key.details,
        response_code=key.response_code,
        grpc_status="" if key.grpc_status is None else name_of(GrpcStatus, key.grpc_status),
        p50_ms=round(latency.p50, 1) if latency else None,
        p90_ms=round(latency.p90, 1) if latency else None,
        p99_ms=round(latency.p99, 1) if latency else None,
        longest_ms=round(latency.longest, 1) if latency else None,
        first=_moment(counts.first),
        last=_moment(counts.last),
        over_time=counts.over_time,
        cut_at=tuple((cluster.seconds, cluster.count) for cluster in counts.clusters),
        transport_failures=tuple((each.value, each.count) for each in found.transport_failures),
        upstream_hosts=tuple((each.value, each.count) for each in found.hosts),
        example=text,
        suspects=suspects,
    )


def text_of(entry: Entry, cut_at: Sequence[float] = ()) -> str:
    """An entry as the line of its proxy, without what tells nothing of the fault: what signatures are written for."""
    request = f'"{entry.method or "-"} {entry.path or "-"} {entry.protocol or "-"}"'
    code = entry.response_code or 0
    parts = [request, _ENDINGS.get(entry.source, _envoy_ending)(entry, code)]
    if entry.authority:
        parts.append(f'"authority":"{entry.authority}"')
    if entry.upstream_cluster:
        parts.append(entry.upstream_cluster)
    if entry.grpc_status:
        parts.append(f"grpc-status: {entry.grpc_status}")
    parts += [f"after {seconds:g}s" for seconds in cut_at[:1]]
    return " ".join(parts)


def _envoy_ending(entry: Entry, code: int) -> str:
    """In the order of Envoy's and Istio's own formats."""
    flags, details = ",".join(entry.flags) or "-", entry.code_details or "-"
    return f'{code} {flags} {details} - "{entry.transport_failure_reason or "-"}"'


def _haproxy_ending(entry: Entry, code: int) -> str:
    server = entry.upstream_host or "<NOSRV>"
    return f"{entry.upstream_cluster}/{server} {code} {entry.bytes_sent} - - {entry.code_details or '----'} 1/1/1/1/0"


def _other_ending(entry: Entry, code: int) -> str:
    return f"HTTP status code {code} {entry.code_details}".rstrip()


_ENDINGS: Final = {
    "haproxy": _haproxy_ending,
    **dict.fromkeys(("nginx", "ingress-nginx", "common", "combined", "aws-alb", "traefik"), _other_ending),
}


def _message_groups(messages: Messages) -> Iterator[LogGroup]:
    for message in messages.groups.values():
        yield _message_group(message, messages.lines)


def _message_group(message: Message, lines: int) -> LogGroup:
    facts = message.facts
    return LogGroup(
        kind="messages",
        count=message.count,
        share=round(message.count / lines, 6) if lines else 0.0,
        details=facts.passages[0].means,
        said_by=facts.passages[0].library,
        first=message.first,
        last=message.last,
        example=message.example,
        suspects=facts.suspects,
    )


def _findings(facts: LogFacts) -> Iterator[Finding]:
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
    suspect = groups[0].suspects[0]
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


def unread(notes: Iterable[str]) -> Iterator[BlindSpot]:
    """What the reader could not read as it stands."""
    return (BlindSpot("all of the log", note, blocks_verdict=False) for note in notes)


def _unread(facts: LogFacts) -> Iterator[BlindSpot]:
    if not facts.lines:
        yield BlindSpot("what the log says", "there is not a line in it")
    elif facts.garbled > _GARBLED_SHARE * facts.lines:
        yield BlindSpot("what the log says", f"{facts.garbled:,} of {facts.lines:,} lines are no text (UTF-8)")
    yield from unread(facts.notes)
    if facts.lines and facts.left_out and not facts.requests:
        yield BlindSpot("what the log says", "--since, --host and --path leave nothing of it")


def _summed(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True))) if rows and all(len(row) == len(rows[0]) for row in rows) else ()


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
