"""The wire's symptom and Envoy's word as one: which look-alike it is, by what was counted and configured. Pure.

A row names the readers that are asked about a symptom, in order; the first that has something to say is believed.
Counters of a busy Envoy hold others' traffic too: they decide between look-alikes of a symptom that the probe itself
saw, and never make one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from grpcdoctor.diagnosis.envoy_front_word import answering, filtering, limiting, listening, routing, timing
from grpcdoctor.diagnosis.envoy_told import Reader, Told, Word
from grpcdoctor.diagnosis.envoy_upstream_word import (
    CONNECTING,
    answered,
    connecting,
    http1_web_server,
    missing,
    nobody_healthy,
    overloaded,
    speaking,
)  # fmt: skip
from grpcdoctor.model.facts.envoy import EnvoyFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding, Source
from grpcdoctor.model.run import Run

Heard = tuple[tuple[Finding, ...], tuple[BlindSpot, ...]]

_LISTENER: Final = (listening,)
_REFUSING: Final = (filtering, answered)
ROWS: Final[dict[str, tuple[Reader, ...]]] = {
    "alpn-not-h2": _LISTENER,
    "alpn-missing": _LISTENER,
    "alpn-h2-but-http1": _LISTENER,
    "http2-not-spoken": _LISTENER,
    "client-certificate-required": _LISTENER,
    "max-concurrent-streams-low": _LISTENER,
    "max-concurrent-streams-zero": _LISTENER,
    "http-redirect": (answering,),
    "route-not-found": (answering, routing),
    "reflection-not-routed": (routing,),
    "cluster-not-found": (missing,),
    "upstream-protocol-mismatch": (speaking, connecting),
    "upstream-unreachable": CONNECTING,
    "upstream-tls-mismatch": CONNECTING,
    "upstream-connection-terminated": CONNECTING,
    "no-healthy-upstream": (missing, nobody_healthy),
    "upstream-overloaded": (overloaded,),
    "upstream-timeout": (filtering, timing, connecting),
    "rst-stream": (timing, *CONNECTING),
    "response-timeout": (filtering, timing),
    "slow-response": (filtering, answered),
    "fault-injected": (filtering,),
    "rbac-denied": _REFUSING,
    "permission-denied": _REFUSING,
    "authentication-required": _REFUSING,
    "rate-limited": (limiting, answered),
    "server-overloaded": (overloaded, answered),
    "call-failed": (answering, answered),
    "not-grpc": (answering, http1_web_server, answered),
    "not-serving": (answered,),
    "trailers-missing": (speaking, answered),
    "method-unimplemented": (answered,),
}


def told(findings: Sequence[Finding], blind_spots: Sequence[BlindSpot], run: Run) -> Heard:
    """The findings of the wire with Envoy's word in them."""
    facts = run.get(EnvoyFacts)
    if facts is None or facts.entrance is None or facts.saw_nothing:
        return tuple(findings), tuple(blind_spots)
    heard = Told(facts, run)
    words = [_word(finding, heard) for finding in findings]
    settled = {word.settles for word in words if word is not None and word.settles}
    joined = (
        finding if word is None else _joined(finding, word, heard)
        for finding, word in zip(findings, words, strict=True)
    )
    return tuple(_once(joined)), tuple(spot for spot in blind_spots if spot.what not in settled)


def _word(finding: Finding, heard: Told) -> Word | None:
    for read in ROWS.get(finding.rule.name, ()):
        word = read(heard, finding.rule.name)
        if word is not None:
            return word
    return None


def _joined(finding: Finding, word: Word, heard: Told) -> Finding:
    """The same effect on calls, with the cause that Envoy tells."""
    from grpcdoctor.diagnosis.registry import rules

    rule = rules()[word.rule]
    another = rule is not finding.rule
    said = tuple(Evidence(line, Source.ENVOY, "envoy") for line in word.evidence)
    sure = word.confidence is not None
    return replace(
        finding,
        rule=rule,
        message=word.message or finding.message,
        explanation=word.explanation or finding.explanation,
        evidence=(*said, *finding.evidence),
        fixes=word.fixes or (() if another else finding.fixes),
        severity=word.severity or finding.effective_severity,
        confidence=_confidence(word, finding, heard),
        alternatives=word.alternatives if sure else finding.alternatives,
    )


def _confidence(word: Word, finding: Finding, heard: Told) -> float:
    """Others' traffic in the same counters leaves a doubt."""
    if word.confidence is None:
        return finding.confidence
    return min(word.confidence, 0.95) if heard.facts.others > heard.facts.calls else word.confidence


def _once(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Two symptoms may turn out to be one cause."""
    seen: set[tuple[str, str]] = set()
    for finding in findings:
        key = (finding.rule.name, finding.message)
        if key not in seen:
            seen.add(key)
            yield finding


