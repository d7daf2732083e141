"""All benchmarks, one after the other; progress on stderr, one table and one line of JSON on stdout."""

from __future__ import annotations

import sys

from benchmarks import access_log, client, cold_probe, health, inspection, memory, politeness, start, throughput
from benchmarks.figures import Figure, show

BENCHMARKS = (start, cold_probe, politeness, throughput, memory, inspection, access_log, client, health)


def main() -> None:
    """Exits 0 whether or not the aims are met: a figure is a figure, and a busy machine no failure."""
    figures: list[Figure] = []
    for benchmark in BENCHMARKS:
        print(f"{(benchmark.__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
        figures += benchmark.measure()
    show(figures)


if __name__ == "__main__":
    main()
