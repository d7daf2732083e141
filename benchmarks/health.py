"""(h) A health check, cold, as a container's probe makes it again and again: time and CPU; and grpc_health_probe."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Sequence

from benchmarks.commands import GRPCDOCTOR, REFERENCE, median, seconds
from benchmarks.figures import Figure, run_alone
from benchmarks.servers import servers

TIMES = 15
_PYTHON = (sys.executable, "-c", "import asyncio")


def measure() -> list[Figure]:
    with servers(1) as (port,):
        check = ("-addr", f"127.0.0.1:{port}")
        ours, theirs = (*GRPCDOCTOR, "health", *check), (_probe(), *check)
        _cost(ours)
        _cost(theirs)
        costs = [(_cost(ours), _cost(theirs), _cost(_PYTHON)) for _ in range(TIMES)]
    wall, cpu = ([[each[kind] for each in row] for row in costs] for kind in (0, 1))
    mine, others, python = (median(column) * 1000 for column in zip(*wall, strict=True))
    my_cpu, their_cpu, python_cpu = (median(column) * 1000 for column in zip(*cpu, strict=True))
    note = f"median of {TIMES}"
    return [
        Figure("health: grpcdoctor health -addr, cold", mine, "ms", note=note),
        Figure("health: grpc-health-probe, cold", others, "ms", note=note),
        Figure("health: times as long as grpc-health-probe", mine / others, "x"),
        Figure("health: Python with asyncio and nothing more", python, "ms", note=note),
        Figure("health: CPU", my_cpu, "ms", note=note),
        Figure("health: CPU of grpc-health-probe", their_cpu, "ms", note=note),
        Figure("health: CPU of that Python", python_cpu, "ms", note=note),
    ]


def _probe() -> str:
    """What tests/lab/install_reference.sh builds, else the one on the PATH."""
    built = REFERENCE.with_name("grpc-health-probe")
    found = str(built) if built.exists() else shutil.which("grpc-health-probe")
    if found is None:
        raise SystemExit("no grpc-health-probe to compare with: run tests/lab/install_reference.sh")
    return found


def _cost(command: Sequence[str]) -> tuple[float, float]:
    """(wall, CPU) seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = seconds(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    run_alone(measure)
