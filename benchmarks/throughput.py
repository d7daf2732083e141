"""(a) Endpoints per second over 500 ports: one grpcdoctor process against one grpcurl process per endpoint.

grpcurl gets its cheapest command that asks the same question: Health/Check with the schema from a file, so that it
needs no reflection. Both read the same list of targets; two grpcurl processes run at a time (xargs -P 2). grpcdoctor's
time is the whole process, from its start; "the engine alone" leaves out start and output.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.commands import GRPCDOCTOR, alternate, grpcurl, seconds
from benchmarks.figures import Figure, run_alone
from benchmarks.servers import Tls, certificates, servers

ENDPOINTS = 500
TIMES = 3
AIMS = {"h2c": 15.0, "tls": 6.0}


def measure() -> list[Figure]:
    with certificates() as tls, TemporaryDirectory(prefix="grpcdoctor-benchmark-") as folder:
        return _compare("h2c", None, Path(folder)) + _compare("tls", tls, Path(folder))


def _compare(name: str, tls: Tls | None, folder: Path) -> list[Figure]:
    with servers(ENDPOINTS, tls) as ports:
        targets = folder / "targets"
        targets.write_text("".join(f"127.0.0.1:{port}\n" for port in ports), encoding="utf-8")
        secure = ("--cacert", str(tls.ca)) if tls is not None else ("--plaintext",)
        ours = (*GRPCDOCTOR, "probe", "--quick", "-o", "json", "--no-proxy", "--targets", str(targets), *secure)
        theirs = _grpcurl_command(tls, folder)
        _check(ours)
        mine, others = alternate(lambda: seconds(ours), lambda: seconds(theirs, targets.read_text("utf-8")), TIMES)
        bare = min(_in_process(ports, tls) for _ in range(TIMES))
    return [
        Figure(f"{name}: grpcdoctor probe --quick", ENDPOINTS / min(mine), "endpoints/s", note=f"best of {TIMES}"),
        Figure(f"{name}: the engine alone", ENDPOINTS / bare, "endpoints/s", note="in process"),
        Figure(f"{name}: grpcurl, xargs -P 2", ENDPOINTS / min(others), "endpoints/s", note=f"best of {TIMES}"),
        Figure(f"{name}: times grpcurl, with our start", min(others) / min(mine), "x", at_least=AIMS[name]),
        Figure(f"{name}: times grpcurl, the engine alone", min(others) / bare, "x"),
    ]


def _grpcurl_command(tls: Tls | None, folder: Path) -> tuple[str, ...]:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from grpc_health.v1 import health_pb2

    protoset = folder / "health.protoset"
    schema = FileDescriptorSet()
    health_pb2.DESCRIPTOR.CopyToProto(schema.file.add())
    protoset.write_bytes(schema.SerializeToString())
    secure = ("-cacert", str(tls.ca)) if tls is not None else ("-plaintext",)
    call = (grpcurl(), *secure, "-protoset", str(protoset), "{}", "grpc.health.v1.Health/Check")
    return ("xargs", "-P", "2", "-I", "{}", *call)


def _check(command: tuple[str, ...]) -> None:
    """A fast answer that is wrong counts for nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    verdicts = [json.loads(line)["verdict"] for line in done.stdout.splitlines()]
    if verdicts != ["healthy"] * ENDPOINTS:
        raise SystemExit(f"not {ENDPOINTS} healthy endpoints: {len(verdicts)} reports, {set(verdicts)}; {done.stderr}")


def _in_process(ports: list[int], tls: Tls | None) -> float:
    from grpcdoctor.diagnosis.many import diagnose_many
    from grpcdoctor.model.options import ProbeOptions
    from grpcdoctor.model.target import parse_target

    options = ProbeOptions(quick=True, use_proxy=False, cacert=str(tls.ca) if tls is not None else None)
    targets = [parse_target(f"127.0.0.1:{port}", plaintext=tls is None) for port in ports]

    async def run() -> None:
        async for _ in diagnose_many(targets, options):
            pass

    started = perf_counter()
    asyncio.run(run())
    return perf_counter() - started


if __name__ == "__main__":
    run_alone(measure)
