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

from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.diagnosis.engine import now
from grpcdoctor.diagnosis.explain import COMMAND, cause_of, target_of
from grpcdoctor.diagnosis.log_findings import findings_of_log
from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.model.facts.log import LogFacts, LogGroup
from grpcdoctor.model.finding import BlindSpot
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
_GARBLED_SHARE: Final = 0.2
"""Of lines that are no text: beyond it, it is no log."""
_GARBLED: Final = "\ufffd"
"""What stands for bytes that are no UTF-8."""


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
        findings = tuple(findings_of_log(facts))
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


def unread(notes: Iterable[str]) -> Iterator[BlindSpot]:
    """What the reader could not read as it stands."""
    return (BlindSpot("all of the log", note, blocks_verdict=False) for note in notes)


def _unread(facts: LogFacts) -> Iterator[BlindSpot]:
    if not facts.lines:
        yield BlindSpot("what the log says", "there is not a line in it")
    elif facts.garbled > _GARBLED_SHARE * facts.lines:
        yield BlindSpot("what the log says", f"{facts.garbled:,} of {facts.lines:,} lines are no text (UTF-8)")
    elif not (facts.requests or facts.groups or facts.left_out):
        yield BlindSpot("what the log says", "no line is a request of a known format, or a message that is known")
    yield from unread(facts.notes)
    if facts.lines and facts.left_out and not facts.requests:
        yield BlindSpot("what the log says", "--since, --host and --path leave nothing of it")


def _summed(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True))) if rows and all(len(row) == len(rows[0]) for row in rows) else ()


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
