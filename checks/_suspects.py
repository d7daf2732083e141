"""What a text makes likely, as findings: the common part of all rules that texts can point to."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.model.facts.text import Suspect, TextFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix, Source
from grpcdoctor.model.rule import Rule
from grpcdoctor.model.run import Run


def suspected(run: Run, rule: Rule) -> Iterator[Conclusion]:
    """The finding of this rule, where the text points to it."""
    text = run.get(TextFacts)
    if text is None:
        return
    for suspect in text.suspects:
        if suspect.rule == rule.name:
            yield finding_of(suspect, rule, text)


def finding_of(suspect: Suspect, rule: Rule, text: TextFacts) -> Finding:
    """What the text says for it, what would decide, and the fix."""
    decide = suspect.probes[0] if suspect.probes else None
    others = [other for other in text.suspects if other.rule != suspect.rule]
    return Finding(
        rule=rule,
        message=suspect.title.removesuffix("."),
        explanation=suspect.why,
        evidence=tuple(Evidence(words, Source.LOG, "text") for words in suspect.because),
        fixes=tuple(_fixes(suspect)),
        confidence=suspect.confidence,
        alternatives=tuple(
            Alternative(other.rule, other.title, other.probes[0] if other.probes else decide) for other in others
        ),
        cause_id=suspect.cause,
    )


def _fixes(suspect: Suspect) -> Iterator[Fix]:
    """The change; a command beside a patch is a fix of its own, for a fix has one of the two."""
    if suspect.patch is None:
        yield Fix(suspect.fix, suspect.command)
        return
    yield Fix(suspect.fix, patch=suspect.patch)
    if suspect.command is not None:
        yield Fix("or, to look first", suspect.command)
