"""(f) Access logs: lines per second of one core through read, parse and count, against a plain regular expression."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.figures import Figure, run_alone

LINES = 200_000
STREAMED = 10_000_000
TIMES = 3
AT_LEAST = 60_000.0
AT_MOST_MIB = 120.0
_FAILED = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
# What many people's scripts do: one expression over the whole line, and counting by flag and path.
_PEER = re.compile(
    r'^\[([^\]]+)\] "(\S+) (\S*) ?(\S+)" (\d+) (\S+) (\S+) (\S+) "([^"]*)" (\d+) (\d+) (\d+) (\S+) "([^"]*)" "([^"]*)" '
    r'"([^"]*)" "([^"]*)" "([^"]*)" (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)'
)
_AWK = '{ count[$6 " " $3]++ } END { for (each in count) print count[each], each }'


def text_lines(many: int) -> Iterator[str]:
    """Istio's TEXT of four services, 2% of it refused connections; the same for every run."""
    chance = random.Random(1)
    for number in range(many):
        service, method = (
            chance.choice(("greeter", "orders", "billing", "users")),
            chance.choice(("Get", "Put", "Watch")),
        )
        second, ms = number // 1000, int(chance.lognormvariate(2, 1.2))
        outcome = (
            f'503 UF {_FAILED} - "delayed_connect_error"' if chance.random() < 0.02 else '200 - via_upstream - "-"'
        )
        yield (
            f"[2026-11-25T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.{number % 1000:03}Z] "
            f'"POST /prod.v1.{service.title()}/{method} HTTP/2" {outcome} {ms % 900} {ms * 7} {ms} {ms} "-" '
            f'"grpc-go/1.60.1" "{chance.getrandbits(128):032x}" "{service}.prod:50051" "10.1.0.{ms % 250}:50051" '
            f"outbound|50051||{service}.prod.svc.cluster.local 10.1.2.3:{30000 + number % 9999} 172.20.1.1:50051 "
            f"10.1.2.3:{40000 + number % 9999} - default"
        )


def json_lines(many: int) -> Iterator[str]:
    """The same in Istio's JSON."""
    from grpcdoctor.texts.access_log import parse_line

    for line in text_lines(many):
        entry = parse_line(line)
        assert entry is not None
        yield json.dumps({
            "start_time": line[1:25], "method": entry.method, "path": entry.path, "protocol": entry.protocol,
            "response_code": entry.response_code, "response_flags": ",".join(entry.flags) or "-",
            "response_code_details": entry.code_details, "connection_termination_details": None,
            "upstream_transport_failure_reason": entry.transport_failure_reason or None,
            "bytes_received": entry.bytes_received, "bytes_sent": entry.bytes_sent, "duration": entry.duration_ms,
            "upstream_service_time": str(entry.upstream_service_time_ms), "x_forwarded_for": None,
            "user_agent": entry.user_agent, "request_id": entry.request_id, "authority": entry.authority,
            "upstream_host": entry.upstream_host, "upstream_cluster": entry.upstream_cluster,
            "upstream_local_address": "10.1.2.3:30000", "downstream_local_address": "172.20.1.1:50051",
            "downstream_remote_address": entry.downstream_address, "requested_server_name": None,
            "route_name": entry.route_name,
        })  # fmt: skip


def measure() -> list[Figure]:
    with TemporaryDirectory(prefix="grpcdoctor-benchmark-") as folder:
        text, structured = Path(folder) / "text.log", Path(folder) / "json.log"
        text.write_text("".join(f"{line}\n" for line in text_lines(LINES)), encoding="ascii")
        structured.write_text("".join(f"{line}\n" for line in json_lines(LINES)), encoding="ascii")
        rounds = [
            (_cost(_count, text), _cost(_plain_expression, text), _cost(_count, structured)) for _ in range(TIMES)
        ]
        ours, peers, ours_json = (LINES / min(costs) for costs in zip(*rounds, strict=True))
        awk = _awk(text)
    peak = _streamed(STREAMED)
    return [
        Figure("access log: Istio TEXT, one core", ours, "lines/s", at_least=AT_LEAST, note=f"CPU, best of {TIMES}"),
        Figure("access log: Istio JSON, one core", ours_json, "lines/s", note=f"CPU, best of {TIMES}"),
        Figure("access log: a regular expression and a Counter", peers, "lines/s", note="parses and counts, no more"),
        Figure("access log: times that expression", ours / peers, "x"),
        *awk,
        Figure(f"access log: memory, {STREAMED:,} lines", peak, "MiB", at_most=AT_MOST_MIB, note="streamed, the peak"),
    ]


def _cost(run: Callable[[Path], int], path: Path) -> float:
    started = process_time()
    counted = run(path)
    seconds = process_time() - started
    if counted != LINES:
        raise SystemExit(f"{run.__name__} counted {counted} of {LINES} lines")
    return seconds


def _count(path: Path) -> int:
    from grpcdoctor.texts.access_log import Aggregator, LogReader, parse_line

    aggregator = Aggregator()
    for batch in LogReader([path]).batches():
        aggregator.add_all(entry for entry in map(parse_line, batch) if entry is not None)
    return aggregator.summary().total.count


def _plain_expression(path: Path) -> int:
    counted: Counter[tuple[str, str]] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            found = _PEER.match(line)
            if found is not None:
                counted[found[6], found[3]] += 1
    return counted.total()


def _awk(path: Path) -> list[Figure]:
    """It splits at blanks and counts two fields: the floor of what any tool needs."""
    program = shutil.which("awk")
    if program is None:
        return []
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([program, _AWK, str(path)], capture_output=True, text=True, check=True)
    if sum(int(line.split()[0]) for line in done.stdout.splitlines()) != LINES:
        raise SystemExit("awk counted other lines")
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return [Figure("access log: awk that counts two fields", LINES / seconds, "lines/s", note="splits at blanks only")]


def _streamed(many: int) -> float:
    """Peak MiB of a process that counts this many lines from a pipe."""
    make = [sys.executable, "-m", "benchmarks.access_log", "make", str(many)]
    with subprocess.Popen(make, stdout=subprocess.PIPE) as maker:
        count = [sys.executable, "-m", "benchmarks.access_log", "count"]
        done = subprocess.run(count, stdin=maker.stdout, capture_output=True, text=True, check=True)
    counted, peak_kib = map(int, done.stdout.split())
    if counted != many:
        raise SystemExit(f"counted {counted} of {many} streamed lines")
    return peak_kib / 1024


def _make(many: int) -> None:
    """A block of lines over and over: making ten million different ones would take longer than counting them."""
    block = "".join(f"{line}\n" for line in text_lines(min(many, 50_000)))
    for _ in range(many // 50_000):
        sys.stdout.write(block)


def _count_stdin() -> None:
    from grpcdoctor.texts.access_log import Aggregator, LogReader, parse_line

    aggregator = Aggregator()
    for batch in LogReader(["-"], sys.stdin.buffer).batches():
        aggregator.add_all(entry for entry in map(parse_line, batch) if entry is not None)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    print(aggregator.summary().total.count, next(line for line in status if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        _make(int(sys.argv[2]))
    elif sys.argv[1:] == ["count"]:
        _count_stdin()
    else:
        run_alone(measure)
