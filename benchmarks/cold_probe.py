"""(b) One cold, full probe of a healthy TLS endpoint against a cold `grpcurl list`, which only asks reflection."""

from __future__ import annotations

from benchmarks.commands import GRPCDOCTOR, alternate, grpcurl, median, seconds
from benchmarks.figures import Figure, run_alone
from benchmarks.servers import certificates, servers

TIMES = 15
AT_MOST = 20.0


def measure() -> list[Figure]:
    with certificates() as tls, servers(1, tls) as ports:
        endpoint = f"127.0.0.1:{ports[0]}"
        ours = (*GRPCDOCTOR, "probe", "--no-proxy", endpoint, "--cacert", str(tls.ca))
        theirs = (grpcurl(), "-cacert", str(tls.ca), endpoint, "list")
        seconds(ours)
        seconds(theirs)
        mine, others = alternate(lambda: seconds(ours), lambda: seconds(theirs), TIMES)
    note = f"median of {TIMES}"
    return [
        Figure("cold: grpcdoctor probe, everything", median(mine) * 1000, "ms", note=note),
        Figure("cold: grpcurl list", median(others) * 1000, "ms", note=note),
        Figure("cold: times as long as grpcurl list", median(mine) / median(others), "x", at_most=AT_MOST),
    ]


if __name__ == "__main__":
    run_alone(measure)
