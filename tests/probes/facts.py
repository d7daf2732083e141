"""What a probe measured in a run against a lab server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.observation import Observation, Observations

if TYPE_CHECKING:
    from grpcdoctor.model.observation import F
    from grpcdoctor.model.report import Report


def facts_of(report: Report, kind: type[F]) -> F:
    """The facts of this class; fails where the probe did not get that far."""
    found = Observations(report.observations).get(kind)
    assert found is not None, [(o.probe, o.outcome.value, o.error) for o in report.observations]
    return found


def observation_of(report: Report, probe: str) -> Observation | None:
    return Observations(report.observations).of(probe)
