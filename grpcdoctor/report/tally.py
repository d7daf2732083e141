"""The summary of many targets: how many of each verdict, the usual causes, the slowest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Final

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.report import Report

_SLOWEST: Final = 3


@dataclass
class Tally:
    """Keeps counts and a few names, never the reports: a run may have thousands."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.verdicts.values())

    def add(self, report: Report) -> None:
        self.verdicts[report.verdict] += 1
        if report.first_cause is not None:
            self.causes[report.first_cause.name] += 1
        entry = (report.duration_ms, report.name)
        if len(self.slowest) < _SLOWEST:
            heappush(self.slowest, entry)
        else:
            heappushpop(self.slowest, entry)

    def counts(self) -> str:
        """`12 targets: 9 healthy, 2 broken, 1 inconclusive`."""
        order = (Verdict.HEALTHY, Verdict.DEGRADED, Verdict.BROKEN, Verdict.INCONCLUSIVE)
        each = ", ".join(f"{self.verdicts[v]} {v.value}" for v in order if self.verdicts[v])
        return f"{self.total} {'target' if self.total == 1 else 'targets'}: {each}"

    def lines(self) -> Iterator[tuple[str, str]]:
        """(label, text), at most three."""
        if not self.total:
            return
        yield "Total", self.counts()
        if self.causes:
            yield "Causes", ", ".join(f"{times}\u00a0×\u00a0{name}" for name, times in self.causes.most_common(5))
        slowest = sorted(self.slowest, reverse=True)
        yield "Slow", ", ".join(f"{endpoint} {milliseconds(ms)}" for ms, endpoint in slowest)
