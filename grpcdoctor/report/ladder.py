"""The ladder: one rung a layer, from the name to the call, each with its mark and its time.

A rung's mark comes from what was observed there; a finding about that layer makes it worse, never better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import DnsFacts, TcpFacts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Layer, Severity


class Mark(IntEnum):
    """Ordered: a worse mark wins."""

    SKIPPED = 0
    OK = 1
    WARN = 2
    FAIL = 3


@dataclass(frozen=True, slots=True)
class Rung:
    """`note` is said in brackets: why it is skipped, or what it found."""

    name: str
    mark: Mark = Mark.SKIPPED
    ms: float | None = None
    note: str = ""


def ladder(report: Report) -> tuple[Rung, ...]:
    """The rungs that matter to this run, in order. A layer that was not reached is SKIPPED."""
    seen = Observations(report.observations)
    rungs = [rung for build in _BUILDERS if (rung := build(seen, report)) is not None]
    for finding in report.findings:
        if finding.subject is None or finding.subject.endpoint is None:  # else it is about a hop of a bisected way
            _worsen(rungs, finding)
    return tuple(rungs)


def _dns(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(DnsFacts)
    if facts is None or facts.literal:
        return None if facts or report.target.unix_path else Rung("dns")
    return Rung("dns", _ok(facts.failure is None), _took(seen, "dns"), (facts.failure or "").replace("-", " "))


def _tcp(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(TcpFacts)
    name = "tcp" if report.target.unix_path is None else "socket"
    if facts is None or not (facts.attempts or facts.proxy):
        return Rung(name)
    if facts.proxy_error:
        return Rung(name, Mark.FAIL, _took(seen, "tcp"), "proxy")
    chosen = next((a for a in facts.attempts if a.address == facts.chosen), None)
    took = chosen.duration_ms if chosen else _took(seen, "tcp")
    if facts.chosen is None and not facts.connected and facts.attempts:
        return Rung(name, Mark.FAIL, took, facts.attempts[0].result)
    many = len(facts.attempts)
    if facts.failed:
        return Rung(name, Mark.WARN, took, f"{len(facts.connected)} of {many} addresses")
    return Rung(name, Mark.OK, took, f"{many} addresses" if many > 1 else "")


def _plaintext_as_asked(seen: Observations, report: Report) -> Rung | None:
    """Only where the port did not simply answer in HTTP/2: then the http/2 rung says it all."""
    facts = seen.get(H2cFacts)
    if facts is None or facts.first is None or not facts.asked or facts.first.spoken == "h2":
        return None
    return Rung("plaintext", Mark.FAIL, facts.first.duration_ms, _SPOKEN.get(facts.first.spoken, facts.first.spoken))


def _plaintext_instead(seen: Observations, report: Report) -> Rung | None:
    """TLS was asked for and not spoken: what the port said in clear."""
    facts = seen.get(H2cFacts)
    if facts is None or facts.first is None or facts.asked:
        return None
    return Rung("plaintext", _ok(facts.first.spoken == "h2"), facts.first.duration_ms, "tried next")


def _tls(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(TlsFacts)
    if facts is None or facts.handshake is None:
        return Rung("tls") if report.target.tls else None
    shake = facts.handshake
    verified_failed = facts.verified is not None and facts.verified.result == "verify-failed"
    sound = facts.completed and not verified_failed and not shake.alert_after_handshake
    note = "" if facts.asked else "tried next"
    return Rung("tls", _ok(sound and not shake.closed_after_handshake), shake.duration_ms, note)


def _alpn(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(TlsFacts)
    if facts is None:
        return Rung("alpn") if report.target.tls else None
    if not facts.completed or facts.handshake is None:
        return Rung("alpn") if facts.asked else None
    selected = facts.handshake.selected
    return Rung("alpn", _ok(selected == "h2"), note=selected or "none")


def _http2(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(Http2Facts)
    if facts is None or facts.first is None:
        return Rung("http/2")
    if facts.first.spoken != "h2":
        return Rung("http/2", Mark.FAIL, facts.first.duration_ms, _SPOKEN.get(facts.first.spoken, facts.first.spoken))
    return Rung("http/2", Mark.FAIL if facts.violation else Mark.OK, facts.first.duration_ms)


def _grpc(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(GrpcFacts)
    health = seen.get(HealthFacts)
    if facts is None and health is not None and health.check is not None:
        return Rung("grpc", _speaks_grpc(health.check))  # --quick asks health only
    if facts is None or facts.reply is None:
        return Rung("grpc")
    return Rung("grpc", _speaks_grpc(facts.reply), _reply_time(facts.reply))


def _health(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(HealthFacts)
    if facts is None or facts.check is None:
        return None
    if facts.status is None:
        return Rung("health", Mark.SKIPPED, note=_why_not(facts.check))
    note = _unless(facts.status, "SERVING") if facts.check.grpc_status == 0 else _why_not(facts.check)
    return Rung("health", _ok(not note), _reply_time(facts.check), note)


def _reflection(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(ReflectionFacts)
    if facts is None:
        return None
    if facts.version is not None:
        return Rung("reflection", Mark.OK, _took(seen, "reflection"), _unless(facts.version, "v1"))
    last = facts.v1alpha or facts.v1
    return Rung("reflection", Mark.SKIPPED, note=_why_not(last) if last is not None else "")


def _call(seen: Observations, report: Report) -> Rung | None:
    facts = seen.get(CallFacts)
    if facts is None:
        return None
    if facts.reply is None:
        return Rung("call", note="not made")
    status = facts.reply.grpc_status
    note = "" if status in (None, 0) else name_of(GrpcStatus, status or 0)
    return Rung("call", _ok(status == 0), _reply_time(facts.reply), note)


_BUILDERS: Final[tuple[Callable[[Observations, Report], Rung | None], ...]] = (
    _dns,
    _tcp,
    _plaintext_as_asked,
    _tls,
    _alpn,
    _plaintext_instead,
    _http2,
    _grpc,
    _health,
    _reflection,
    _call,
)

_SPOKEN: Final = {
    "nothing": "silence", "closed": "closed", "tls": "speaks TLS", "h2": "speaks h2", "http/1.1": "speaks http/1.1",
    "ssh": "speaks ssh", "garbage": "speaks neither",
}  # fmt: skip

# The rungs that a rule speaks of, best first, by how its name begins; the first one that this ladder has is marked.
_RUNGS_OF_RULE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("dns-", ("dns",)),
    ("alpn-h2-but-http1", ("http/2",)),
    ("alpn-", ("alpn",)),
    ("plaintext-expected", ("plaintext", "http/2")),
    ("connection-closed-silently", ()),  # what was observed marks the step that got no answer
    ("response-timeout", ()),
    ("not-serving", ("health", "grpc")),
    ("health-", ("health", "grpc")),
    ("reflection-", ("reflection", "grpc")),
)
_RUNG_OF_LAYER: Final = {Layer.REACH: "tcp", Layer.TLS: "tls", Layer.HTTP2: "http/2", Layer.GRPC: "grpc"}
_WITNESSES: Final = ("grpc", "health", "reflection", "call")


def rungs_of(finding: Finding) -> tuple[str, ...]:
    """The names of the rungs that a finding may mark, best first."""
    name = finding.rule.name
    listed = next((rungs for prefix, rungs in _RUNGS_OF_RULE if name.startswith(prefix)), None)
    if listed is not None:
        return listed
    witness = next((item.ref for item in finding.evidence if item.ref in _WITNESSES), None)
    default = _RUNG_OF_LAYER.get(finding.rule.layer, "grpc")
    return (witness, default) if witness and finding.rule.layer is Layer.GRPC else (default,)


def _worsen(rungs: list[Rung], finding: Finding) -> None:
    mark = {Severity.ERROR: Mark.FAIL, Severity.WARNING: Mark.WARN}.get(finding.effective_severity)
    if mark is None:
        return
    for name in rungs_of(finding):
        for index, rung in enumerate(rungs):
            if rung.name == name:
                rungs[index] = replace(rung, mark=max(rung.mark, mark))
                return


def _ok(sound: bool) -> Mark:
    return Mark.OK if sound else Mark.FAIL


def _speaks_grpc(reply: Reply) -> Mark:
    return _ok(reply.is_grpc and reply.grpc_status is not None)


def _took(seen: Observations, probe: str) -> float | None:
    found = seen.of(probe)
    return found.duration_ms if found is not None and found.duration_ms > 0 else None


def _reply_time(reply: Reply) -> float | None:
    return reply.duration_ms or reply.first_byte_ms


def _unless(value: str, usual: str) -> str:
    return "" if value == usual else value


def _why_not(reply: Reply) -> str:
    """Why a question that every server may leave open got no answer."""
    if reply.grpc_status == GrpcStatus.UNIMPLEMENTED or reply.http_status == 404:
        return "not offered"
    if reply.grpc_status is not None:
        return name_of(GrpcStatus, reply.grpc_status)
    return reply.lost or ("no grpc-status" if reply.http_status == 200 else "no answer")
