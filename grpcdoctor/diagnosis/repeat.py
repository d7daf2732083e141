"""--count: the same questions on fresh connections, over all addresses in turn; some faults show one time in ten."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.model.facts.grpc import RepeatFacts
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target, split_host_port
from grpcdoctor.wire.session import Session

# Fresh connections at the same time: polite to the target, and quick enough.
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class _Try:
    address: str
    report: Report

    @property
    def answer(self) -> str:
        cause = self.report.first_cause
        return cause.name if cause is not None else self.report.verdict.value


async def repeated(session: Session, started_at: str) -> Report:
    """The report of the first run, with what the further tries add: a fault that shows only at times is a warning."""
    from grpcdoctor.diagnosis.engine import report_of

    run = Run(session.target, session.options, session.seen())
    first = report_of(run, started_at, session.elapsed_ms)
    tries = [_Try(session.address or "", first), *await _further_tries(session)]
    observation = Observation("repeat", Outcome.OK, _mix(tries), started_ms=session.elapsed_ms)
    run = replace(run, observations=replace(run.observations, items=(*run.observations.items, observation)))
    report = report_of(run, started_at, session.elapsed_ms)
    return _with_rare_faults(report, tries, run)


async def _further_tries(session: Session) -> list[_Try]:
    from grpcdoctor.diagnosis.engine import diagnose

    tcp = session.get(TcpFacts)
    addresses = [a.address for a in tcp.connected] if tcp is not None and tcp.proxy is None else []
    options = replace(session.options, count=1, second_opinion=False, trace=False)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(index: int) -> _Try:
        address = addresses[index % len(addresses)] if addresses else ""
        async with slots:
            return _Try(address, await diagnose(_at(session.target, address), options, shared=session.shared))

    return list(await asyncio.gather(*(one(index) for index in range(1, session.options.count))))


def _at(target: Target, address: str) -> Target:
    """The same endpoint at this address; its name, authority and SNI stay."""
    if not address or target.unix_path is not None:
        return target
    host, port = split_host_port(address)
    return replace(target, connect_to=(host, port or target.dial_port))


def _mix(tries: list[_Try]) -> RepeatFacts:
    counted = Counter(t.answer for t in tries)
    by_address = Counter((t.address, t.answer) for t in tries)
    return RepeatFacts(
        tries=len(tries),
        mix=tuple(counted.most_common()),
        by_address=tuple((address, answer, count) for (address, answer), count in sorted(by_address.items())),
    )


def _with_rare_faults(report: Report, tries: list[_Try], run: Run) -> Report:
    """Every fault of any try, once, with how often it was seen."""
    from grpcdoctor.diagnosis.correlate import causes_of, verdict_of

    found: dict[str, list[Finding]] = {}
    for one in tries:
        for finding in one.report.findings:
            if finding.effective_severity is not Severity.INFO:
                found.setdefault(finding.rule.name, []).append(finding)
    quiet = [f for f in report.findings if f.effective_severity is Severity.INFO]
    findings = tuple(quiet + [_counted(same, len(tries)) for same in found.values()])
    blind_spots = _blind_spots(tries)
    causes = causes_of(findings, run)
    return replace(
        report, findings=findings, causes=causes, blind_spots=blind_spots, verdict=verdict_of(causes, blind_spots)
    )


def _counted(same: list[Finding], tries: int) -> Finding:
    if len(same) >= tries:
        return same[0]
    seen = Evidence(f"seen in {len(same)} of {tries} tries on fresh connections", ref="repeat")
    return replace(same[0], severity=Severity.WARNING, evidence=(seen, *same[0].evidence))


def _blind_spots(tries: list[_Try]) -> tuple[BlindSpot, ...]:
    return tuple(dict.fromkeys(spot for one in tries for spot in one.report.blind_spots))
