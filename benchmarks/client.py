"""(g) The client: a cold call by reflection, 1,000 calls on one connection, 1 GiB of a stream; against grpcurl."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.call_server import ECHO, MESSAGE_BYTES, STREAM, call_server
from benchmarks.commands import GRPCDOCTOR, alternate, grpcurl, median, seconds, users_environment
from benchmarks.figures import Figure, run_alone

TIMES = 15
CALLS = 1000
STREAM_MESSAGES = (1 << 30) // MESSAGE_BYTES
AT_MOST_TIMES_GRPCURL = 10.0
AT_LEAST_CALLS = 1200.0
AT_MOST_MIB = 150.0
_POLL_SECONDS = 0.02


def measure() -> list[Figure]:
    with call_server() as endpoint:
        return [*_cold(endpoint), *_many(endpoint), *_bulk(endpoint)]


def _cold(endpoint: str) -> list[Figure]:
    call = ("-plaintext", "-d", '"hello"', endpoint, ECHO)
    ours, theirs = (*GRPCDOCTOR, "grpcurl", *call), (grpcurl(), *call)
    seconds(ours)
    seconds(theirs)
    mine, others = alternate(lambda: seconds(ours), lambda: seconds(theirs), TIMES)
    note = f"median of {TIMES}"
    ratio = median(mine) / median(others)
    return [
        Figure("call: grpcdoctor grpcurl, cold", median(mine) * 1000, "ms", note=note),
        Figure("call: grpcurl, cold", median(others) * 1000, "ms", note=note),
        Figure("call: times as long as grpcurl", ratio, "x", at_most=AT_MOST_TIMES_GRPCURL),
    ]


def _many(endpoint: str) -> list[Figure]:
    """One process's calls, each with its response printed; its start is taken off by a run with one call."""
    call = (*GRPCDOCTOR, "call", endpoint, ECHO, "--plaintext", "-d", '"hello"')
    took = [seconds((*call, "--repeat", str(CALLS + 1))) - seconds((*call, "--repeat", "1")) for _ in range(3)]
    rate = CALLS / min(took)
    return [Figure("call: on one connection", rate, "calls/s", at_least=AT_LEAST_CALLS, note="best of 3, printed")]


def _bulk(endpoint: str) -> list[Figure]:
    call = ("-plaintext", "-d", str(STREAM_MESSAGES), endpoint, STREAM)
    mine, peak = _peak_mib((*GRPCDOCTOR, "grpcurl", *call))
    others, their_peak = _peak_mib((grpcurl(), *call))
    return [
        Figure("stream: grpcdoctor grpcurl, 1 GiB as JSON", 1024 / mine, "MiB/s"),
        Figure("stream: grpcurl, the same", 1024 / others, "MiB/s"),
        Figure("stream: times as long as grpcurl", mine / others, "x"),
        Figure("stream: peak memory", peak, "MiB", at_most=AT_MOST_MIB),
        Figure("stream: peak memory of grpcurl", their_peak, "MiB"),
    ]


def _peak_mib(command: Sequence[str]) -> tuple[float, float]:
    """(seconds, the highest VmHWM that was seen), with the output thrown away. Raises SystemExit where it failed."""
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=users_environment()) as child:
        status = Path(f"/proc/{child.pid}/status")
        while child.poll() is None:
            lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            peak = max([peak, *(int(line.split()[1]) for line in lines)])
            time.sleep(_POLL_SECONDS)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed ({child.returncode})")
    return time.perf_counter() - started, peak / 1024


if __name__ == "__main__":
    run_alone(measure)
