"""Runs the checks over what was observed: pure, so a saved run is judged again without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from grpcdoctor.diagnosis.registry import Check, checks
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, Reply
from grpcdoctor.model.finding import BlindSpot, Conclusion, Finding
from grpcdoctor.model.observation import Outcome
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

Observed = TypeVar("Observed")
"""What a check looks at: a Run, a Cluster, a Proxy."""

# Statuses that only a gRPC server which took the call gives. The others come from proxies, limits and crashes too:
# where no rule explained them, they prove nothing.
_PROOFS: Final = frozenset(
    (
        GrpcStatus.OK,
        GrpcStatus.INVALID_ARGUMENT,
        GrpcStatus.NOT_FOUND,
        GrpcStatus.ALREADY_EXISTS,
        GrpcStatus.FAILED_PRECONDITION,
        GrpcStatus.ABORTED,
        GrpcStatus.OUT_OF_RANGE,
        GrpcStatus.UNIMPLEMENTED,
    )
)


def judge(run: Run) -> tuple[tuple[Finding, ...], tuple[BlindSpot, ...]]:
    """(findings by code, blind spots)."""
    findings: list[Finding] = []
    blind_spots: list[BlindSpot] = list(_bugs(run))
    kinds = frozenset(o.facts.kind for o in run.observations if o.facts is not None)
    for check in _applicable(kinds):
        run_check(check.rule, check.function, run, findings, blind_spots)
    blind_spots += (*_unmade_call(run), *_unproven(run, findings))
    return tuple(findings), tuple(dict.fromkeys(blind_spots))


@lru_cache(maxsize=256)
def _applicable(kinds: frozenset[str]) -> tuple[Check, ...]:
    return tuple(check for check in checks() if any(need.kind in kinds for need in check.needs))


def _unproven(run: Run, findings: Sequence[Finding]) -> list[BlindSpot]:
    """Never green by ignorance: without one gRPC answer and without a finding that says why, nothing was decided."""
    if any(finding.effective_severity is not Severity.INFO for finding in findings) or _answers(run):
        return []
    why = next(
        (o.error for o in run.observations if o.error and o.outcome is not Outcome.OK), "no question was answered"
    )
    return [BlindSpot("whether gRPC works here", why)]


def _unmade_call(run: Run) -> list[BlindSpot]:
    """The user asked for a call that could not be made: its outcome is unknown."""
    call = run.get(CallFacts)
    if call is None or call.error is None:
        return []
    return [BlindSpot(f"what {call.method} answers", f"no call was made: {call.error}")]


def _answers(run: Run) -> bool:
    grpc, health, call = run.get(GrpcFacts), run.get(HealthFacts), run.get(CallFacts)
    replies: tuple[Reply | None, ...] = (
        grpc.reply if grpc is not None else None,
        health.check if health is not None else None,
        call.reply if call is not None else None,
    )
    return any(reply is not None and reply.grpc_status in _PROOFS for reply in replies)


def _bugs(run: Run) -> Iterable[BlindSpot]:
    return (
        BlindSpot(f"what the probe {o.probe} would have shown", o.error or "a bug in grpcdoctor")
        for o in run.observations
        if o.outcome is Outcome.BUG
    )


def run_check(
    rule: Rule,
    check: Callable[[Observed], Iterable[Conclusion]],
    observed: Observed,
    findings: list[Finding],
    blind_spots: list[BlindSpot],
) -> None:
    """Add what a check concludes to `findings` and `blind_spots`. One that fails is a bug of ours and a blind spot,
    never an exception: what it would have said is missing, and nobody must take that for all is well."""
    try:
        for conclusion in check(observed):
            if isinstance(conclusion, Finding):
                findings.append(conclusion)
            else:
                blind_spots.append(conclusion)
    except Exception as bug:
        from grpcdoctor.diagnosis.plan import describe_bug

        blind_spots.append(BlindSpot(f"whether {rule.name} applies", describe_bug(bug)))
