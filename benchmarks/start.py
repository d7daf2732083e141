"""(e) `grpcdoctor --help` against an empty Python, and that it imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.commands import GRPCDOCTOR, alternate, median, seconds
from benchmarks.figures import Figure, run_alone

TIMES = 25
AT_MOST = 10.0
HEAVY = ("grpc", "kubernetes", "ssl", "asyncio", "h2", "rich", "cryptography")
_MODULES = "import sys; from grpcdoctor.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"


def measure() -> list[Figure]:
    mine, others = alternate(
        lambda: seconds((*GRPCDOCTOR, "--help")), lambda: seconds((sys.executable, "-c", "pass")), TIMES
    )
    loaded = subprocess.run([sys.executable, "-c", _MODULES], capture_output=True, text=True, check=True).stderr.split()
    heavy = [name for name in HEAVY if name in loaded]
    note = f"median of {TIMES}"
    return [
        Figure("start: grpcdoctor --help", median(mine) * 1000, "ms", note=note),
        Figure("start: python -c pass", median(others) * 1000, "ms", note=note),
        Figure("start: times as long as an empty Python", median(mine) / median(others), "x", at_most=AT_MOST),
        Figure("start: heavy modules imported", len(heavy), "modules", at_most=0, note=" ".join(heavy)),
    ]


if __name__ == "__main__":
    run_alone(measure)
