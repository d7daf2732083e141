"""(e) Judging a cluster of 10,000 Services: one core's seconds, growth with size, memory, and what it finds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, run_alone

SERVICES = 10_000
AT_MOST_SECONDS = 5.0
AT_MOST_GROWTH = 2.3
AT_MOST_MIB = 1536.0


@dataclass(frozen=True)
class Run:
    """One run over a generated cluster, in a process of its own."""

    seconds: float
    objects: int
    planted: int
    missed: int
    false_alarms: int
    peak_mib: float


def measure() -> list[Figure]:
    half, whole = _run(SERVICES // 2), _run(SERVICES)
    found = f"{whole.planted - whole.missed} of {whole.planted} planted faults found, {whole.false_alarms} false alarms"
    return [
        Figure(f"inspect: {SERVICES:,} Services, {whole.objects:,} objects", whole.seconds, "s",
               at_most=AT_MOST_SECONDS, note=found),
        Figure("inspect: time for twice the objects", whole.seconds / half.seconds, "x", at_most=AT_MOST_GROWTH),
        Figure("inspect: memory", whole.peak_mib, "MiB", at_most=AT_MOST_MIB),
    ]  # fmt: skip


def _run(services: int) -> Run:
    command = [sys.executable, "-m", "benchmarks.inspection", str(services)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Run(**json.loads(done.stdout))


def _child(services: int) -> None:
    """Generates, then judges what is in memory; prints a Run."""
    import time

    from benchmarks.clusters import make
    from grpcdoctor.cluster.build import cluster_of
    from grpcdoctor.diagnosis.cluster_causes import title_of
    from grpcdoctor.diagnosis.inspection import inspect_cluster
    from grpcdoctor.diagnosis.registry import cluster_checks
    from grpcdoctor.model.report import Report, Scope
    from grpcdoctor.model.rule import Severity

    objects, planted = make(services)
    cluster_checks()  # imports are not part of the figure
    started = time.process_time()
    report: Report = inspect_cluster(cluster_of(objects, complete=True), Scope("generated"))
    seconds = time.process_time() - started
    wanted = {(one.rule, one.subject) for one in planted}
    shown = [f for f in report.findings if f.effective_severity is not Severity.INFO]
    found = Counter((f.rule.name, title_of(f.subject)) for f in shown)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM")).split()[1]
    run = Run(
        seconds=seconds,
        objects=len(objects),
        planted=len(planted),
        missed=len(wanted - set(found)),
        false_alarms=sum(times for key, times in found.items() if key not in wanted),
        peak_mib=int(peak) / 1024,
    )
    print(json.dumps(run.__dict__))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _child(int(sys.argv[1]))
    else:
        run_alone(measure)
