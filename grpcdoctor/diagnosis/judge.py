"""Runs the checks over what was observed: pure, so a saved run is judged again without a network."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from grpcdoctor.diagnosis.registry import Check, checks
from grpcdoctor.model.finding import BlindSpot, Finding
from grpcdoctor.model.observation import Outcome
from grpcdoctor.model.run import Run


def judge(run: Run) -> tuple[tuple[Finding, ...], tuple[BlindSpot, ...]]:
    """(findings by code, blind spots). A check that fails is a bug of ours and a blind spot, never an exception."""
    findings: list[Finding] = []
    blind_spots: list[BlindSpot] = list(_bugs(run))
    kinds = frozenset(o.facts.kind for o in run.observations if o.facts is not None)
    for check in _applicable(kinds):
        try:
            for conclusion in check.function(run):
                (findings if isinstance(conclusion, Finding) else blind_spots).append(conclusion)  # type: ignore[arg-type]
        except Exception as bug:
            blind_spots.append(_check_bug(check, bug))
    return tuple(findings), tuple(dict.fromkeys(blind_spots))


@lru_cache(maxsize=256)
def _applicable(kinds: frozenset[str]) -> tuple[Check, ...]:
    return tuple(check for check in checks() if any(need.kind in kinds for need in check.needs))


def _bugs(run: Run) -> Iterable[BlindSpot]:
    return (
        BlindSpot(f"what the probe {o.probe} would have shown", o.error or "a bug in grpcdoctor")
        for o in run.observations
        if o.outcome is Outcome.BUG
    )


def _check_bug(check: Check, bug: Exception) -> BlindSpot:
    from grpcdoctor.diagnosis.plan import describe_bug

    return BlindSpot(f"whether {check.rule.name} applies", describe_bug(bug))
