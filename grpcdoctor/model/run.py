"""Run: all that a check may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grpcdoctor.model.observation import F, Observations
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One target, what was asked for, and what was observed. Checks get this and nothing else."""

    target: Target
    options: ProbeOptions = field(default_factory=ProbeOptions)
    observations: Observations = field(default_factory=Observations)
    cluster: object | None = None
    """The snapshot of a cluster, for checks that know its views; None where there is none at hand."""

    _worked_out: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, work: Callable[[Run], T]) -> T:
        """What `work` makes of this run, worked out once however many checks ask for it."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        result: T = self._worked_out[work]
        return result

    def get(self, kind: type[F]) -> F | None:
        """The facts of this class, or None where the probe did not get that far."""
        return self.observations.get(kind)
