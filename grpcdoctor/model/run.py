"""Run: all that a check may look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpcdoctor.model.observation import F, Observations
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import Target


@dataclass(frozen=True, slots=True)
class Run:
    """One target, what was asked for, and what was observed. Checks get this and nothing else."""

    target: Target
    options: ProbeOptions = field(default_factory=ProbeOptions)
    observations: Observations = field(default_factory=Observations)
    cluster: object | None = None
    """The snapshot of a cluster, for checks that know its views; None where there is none at hand."""

    def get(self, kind: type[F]) -> F | None:
        """The facts of this class, or None where the probe did not get that far."""
        return self.observations.get(kind)
