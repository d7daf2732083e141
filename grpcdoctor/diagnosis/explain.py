"""explain: a pasted text to its report. The text is an observation as any other, and rules conclude from it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from grpcdoctor.checks._suspects import finding_of
from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.diagnosis.engine import now
from grpcdoctor.diagnosis.registry import rule_named
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import BlindSpot, Finding
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.model.redact import redact
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.target import Target, TargetError, parse_target
from grpcdoctor.texts.reading import read_text

COMMAND: Final = "explain"


def explain(text: str, target: str | None = None) -> Report:
    """What a text says, and the causes that it points to, the likeliest first. `target` overrides the text's own."""
    started_at, started = now(), time.monotonic()
    facts = redact(read_text(text, target), ())
    return report_of_text(facts, started_at, (time.monotonic() - started) * 1000)


def report_of_text(facts: TextFacts, started_at: str, duration_ms: float) -> Report:
    """The judgement on what was read; pure."""
    causes = tuple(cause_of(finding) for finding in findings_of(facts))
    blind_spots = tuple(_unread(facts))
    return Report(
        target=target_of(facts.target),
        verdict=verdict_of(causes, blind_spots),
        started_at=started_at,
        duration_ms=duration_ms,
        causes=causes,
        findings=tuple(cause.root for cause in causes),
        observations=(Observation("text", Outcome.OK, facts, duration_ms=duration_ms),),
        blind_spots=blind_spots,
        command=COMMAND,
    )


def findings_of(facts: TextFacts) -> Iterable[Finding]:
    """One a suspect, ranked as they are."""
    return (finding_of(suspect, rule_named(suspect.rule), facts) for suspect in facts.suspects)


def cause_of(finding: Finding) -> Cause:
    return Cause(finding, evidence=finding.evidence, fixes=finding.fixes)


def target_of(word: str | None, name: str = "the text") -> Target:
    """The endpoint that the text names; else `name`, for headings."""
    if word:
        try:
            return parse_target(word)
        except TargetError:
            pass
    return Target(input=word or name, host="", port=0, tls=False, port_given=False)


def _unread(facts: TextFacts) -> Iterable[BlindSpot]:
    if not facts.recognised:
        parts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.signals)
        seen = f"only this was recognised: {parts}" if parts else "no signature is in it"
        yield BlindSpot("what this text means", f"it is not recognised; {seen}", "grpcdoctor explain --list")
    if facts.cut:
        why = "the text is longer than what is read of one message; give a log as a file or a pipe"
        yield BlindSpot("the rest of the text", why, blocks_verdict=False)
