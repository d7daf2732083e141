"""From findings to ranked causes: lower layers explain upper ones, one root, its consequences folded under it."""

from __future__ import annotations

from collections.abc import Sequence

from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding, Fix, Source, Verdict
from grpcdoctor.model.report import Cause
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run


def causes_of(findings: Sequence[Finding], run: Run) -> tuple[Cause, ...]:
    """Ranked, best first: by severity, then the lower layer, then confidence. Info findings are never causes."""
    candidates = sorted((f for f in findings if f.effective_severity is not Severity.INFO), key=_rank)
    causes: list[Cause] = []
    folded: set[int] = set()
    for root in sorted(candidates, key=lambda finding: (_is_explained(finding, candidates), *_rank(finding))):
        if id(root) in folded:
            continue
        taken = folded | {id(cause.root) for cause in causes}
        consequences = tuple(f for f in candidates if id(f) not in taken and _explains(root, f))
        folded.update(id(finding) for finding in consequences)
        causes.append(_cause(root, consequences, run))
    return tuple(sorted(causes, key=lambda cause: _rank(cause.root)))


def _is_explained(finding: Finding, candidates: Sequence[Finding]) -> bool:
    """Something at least as bad explains it, so it is folded there whatever its rank."""
    worst = finding.effective_severity.rank
    return any(_explains(other, finding) and other.effective_severity.rank <= worst for other in candidates)


def verdict_of(causes: Sequence[Cause], blind_spots: Sequence[BlindSpot]) -> Verdict:
    """DESIGN: broken if a cause is an error, else inconclusive if a blind spot kept us from deciding, else degraded
    if there is a warning, else healthy."""
    if any(cause.severity is Severity.ERROR for cause in causes):
        return Verdict.BROKEN
    if any(spot.blocks_verdict for spot in blind_spots):
        return Verdict.INCONCLUSIVE
    return Verdict.DEGRADED if causes else Verdict.HEALTHY


def _rank(finding: Finding) -> tuple[int, int, float, str]:
    rule = finding.rule
    return finding.effective_severity.rank, rule.layer.value, -finding.confidence, rule.code


def _explains(root: Finding, other: Finding) -> bool:
    return other is not root and other.rule.name in root.rule.explains


def _cause(root: Finding, consequences: tuple[Finding, ...], run: Run) -> Cause:
    seen = tuple(Evidence(f"so also: {f.message}", f.evidence[0].source, f.rule.name) for f in consequences)
    return Cause(root, consequences, root.evidence + seen + _second_opinion(run), root.fixes + _deciders(root))


def _second_opinion(run: Run) -> tuple[Evidence, ...]:
    opinion = run.get(SecondOpinionFacts)
    if opinion is None:
        return ()
    if opinion.exit_signal is not None:
        return (Evidence(f"{opinion.client} dies of this peer (signal {opinion.exit_signal})", Source.WIRE, "grpcio"),)
    if opinion.code is None:
        return ()
    said = f"{opinion.code}: {opinion.details}" if opinion.details else opinion.code
    # Its own question is health, which a fault of the user's method need not touch.
    to = " to the health check" if run.options.call is not None else ""
    return (Evidence(f'{opinion.client} says "{said}"{to}', Source.WIRE, "grpcio"),)


def _deciders(root: Finding) -> tuple[Fix, ...]:
    """What would tell the root from its alternatives."""
    return tuple(
        Fix(f"To tell it from {alternative.name}: {alternative.why}", command=alternative.decide)
        for alternative in root.alternatives
        if alternative.decide is not None
    )
