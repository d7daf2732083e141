"""How the rows of the table are checked: probe a real server, and look at the first cause and the verdict."""

from __future__ import annotations

from typing import Any

import grpcdoctor
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from tests.lab.certificates import lab_certificates

HELLO = "lab.Greeter/SayHello"
SLOW = "lab.Greeter/Slow"
LOOPBACK = "127.0.0.1"


def diagnose(port: int, tls: bool = False, host: str = LOOPBACK, **options: Any) -> Report:
    """The report on a lab server; the lab's root is trusted unless told otherwise."""
    options.setdefault("cacert", str(lab_certificates().ca) if tls else None)
    options.setdefault("timeout", 8.0)
    options.setdefault("second_opinion", False)
    scheme = "grpcs" if tls else "grpc"
    return grpcdoctor.probe(f"{scheme}://{host}:{port}", ProbeOptions(**options))


def names(report: Report) -> list[str]:
    return [cause.name for cause in report.causes]


def assert_first_cause(report: Report, name: str, verdict: str | None = None) -> None:
    """One root for one fault: the first cause is `name`."""
    assert names(report)[:1] == [name], told(report)
    if verdict is not None:
        assert report.verdict.value == verdict, told(report)


def assert_healthy(report: Report) -> None:
    assert (names(report), report.verdict.value) == ([], "healthy"), told(report)


def told(report: Report) -> str:
    """What a failed assertion shows."""
    lines = [f"{report.target.endpoint} {report.verdict.value} {names(report)}"]
    lines += [f"finding {f.rule.name} {f.effective_severity.value}: {f.message}" for f in report.findings]
    lines += [f"blind spot {spot.what}: {spot.why}" for spot in report.blind_spots]
    lines += [f"{o.probe} {o.outcome.value} {o.error} {o.facts}" for o in report.observations]
    return "\n".join(lines)
