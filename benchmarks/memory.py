"""(d) Peak memory of one run over 1,000 TLS targets, all at the same time, full and quick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, run_alone
from benchmarks.servers import certificates, servers

TARGETS = 1000
AT_MOST_MIB = 200.0
# The peak of the process itself, as the kernel keeps it (ru_maxrss would count what was there before exec).
_CHILD = """
import sys
from grpcdoctor.cli.main import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(peak, code, file=sys.stderr)
"""


def measure() -> list[Figure]:
    with (
        certificates() as tls,
        servers(TARGETS, tls) as ports,
        TemporaryDirectory(prefix="grpcdoctor-benchmark-") as folder,
    ):
        file = Path(folder) / "targets"
        file.write_text("".join(f"127.0.0.1:{port}\n" for port in ports), encoding="utf-8")
        common = ("--no-proxy", "--targets", str(file), "--cacert", str(tls.ca), "-o", "json")
        at_once = ("--concurrency", str(TARGETS), "--timeout", "60")
        full, full_ok = _peak_mib("probe", *common, *at_once)
        quick, quick_ok = _peak_mib("probe", "--quick", *common, *at_once)
    return [
        Figure(f"memory: {TARGETS:,} targets at once", full, "MiB", at_most=AT_MOST_MIB, note=f"{full_ok} healthy"),
        Figure(f"memory: {TARGETS:,} with --quick", quick, "MiB", at_most=AT_MOST_MIB, note=f"{quick_ok} healthy"),
    ]


def _peak_mib(*arguments: str) -> tuple[float, int]:
    """(MiB, targets found healthy)."""
    done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, check=True)
    peak_kib = int(done.stderr.split()[-2])
    healthy = sum(json.loads(line)["verdict"] == "healthy" for line in done.stdout.splitlines())
    return peak_kib / 1024, healthy


if __name__ == "__main__":
    run_alone(measure)
