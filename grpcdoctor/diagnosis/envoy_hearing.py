"""Hears an Envoy on the way before and after a probe, and has the run judged with what it says.

Its time is its own: the probe waits for the first reading and is not hurried by the second. What it does not say in
time is a blind spot, and never an error: the wire has its verdict without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from grpcdoctor.diagnosis.background import in_background
from grpcdoctor.diagnosis.envoy_facts import envoy_facts
from grpcdoctor.diagnosis.plan import describe_bug
from grpcdoctor.envoy.answers import CLUSTERS, CONFIG_DUMP, LISTENERS, SERVER_INFO, STATS
from grpcdoctor.model.facts.envoy import EnvoyFacts
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.redact import redact
from grpcdoctor.model.report import Report
from grpcdoctor.model.run import Run

if TYPE_CHECKING:
    from grpcdoctor.envoy.admin import Connect
    from grpcdoctor.envoy.snapshot import Proxy

Judge = Callable[[Run, str, float], Report]

OBSERVATION: Final = "envoy"
_SECONDS: Final = 10.0
"""For one reading: a config_dump of a large mesh has a hundred megabytes."""
# The counters last, so that as little as possible of others' traffic lies between them and the probe.
_BEFORE: Final = (SERVER_INFO, CONFIG_DUMP, LISTENERS, CLUSTERS, STATS)
_AFTER: Final = (STATS, CLUSTERS)
_WHAT: Final = "what the Envoy on the way says"


@dataclass(frozen=True, slots=True)
class AskedEnvoy:
    """Which Envoy to ask, and how its admin port is reached."""

    name: str
    connect: Connect
    host: str = "localhost"
    """The Host header."""


async def hear_around(
    asked: AskedEnvoy, options: ProbeOptions, judge: Judge, probe: Callable[[], Awaitable[Report]]
) -> Report:
    """The probe's report, judged again with Envoy's word among the observations."""
    before = await _read(asked, _BEFORE)
    report = await probe()
    if isinstance(before, BlindSpot):
        return _unheard(report, before)
    started = monotonic()
    after = await _read(asked, _AFTER)
    if isinstance(after, BlindSpot):
        return _unheard(report, after)
    run = Run(report.target, options, Observations(report.observations))
    try:
        facts = await in_background(lambda: envoy_facts(before, after, run), OBSERVATION)  # a large mesh takes a second
    except Exception as bug:
        return _unheard(report, BlindSpot(_WHAT, describe_bug(bug), blocks_verdict=False))
    item = Observation(
        OBSERVATION, Outcome.OK, facts, started_ms=report.duration_ms, duration_ms=(monotonic() - started) * 1000
    )
    report = _judged(replace(report, observations=(*report.observations, item)), options, judge)
    unseen = (*(replace(spot, blocks_verdict=False) for spot in before.blind_spots), *_elsewhere(facts))
    report = replace(report, blind_spots=(*report.blind_spots, *unseen))
    return redact(report, options.secrets) if options.secrets else report


def _judged(report: Report, options: ProbeOptions, judge: Judge) -> Report:
    """A run of several tries keeps its own judgement, in which Envoy's word is set."""
    run = Run(report.target, options, Observations(report.observations))
    if options.count > 1:
        from grpcdoctor.diagnosis.correlate import causes_of, verdict_of
        from grpcdoctor.diagnosis.envoy_word import told

        findings, blind_spots = told(report.findings, report.blind_spots, run)
        causes = causes_of(findings, run)
        verdict = verdict_of(causes, blind_spots)
        return replace(report, findings=findings, causes=causes, blind_spots=blind_spots, verdict=verdict)
    again = judge(run, report.started_at, report.duration_ms)
    return replace(again, trace=report.trace)


async def _read(asked: AskedEnvoy, endpoints: tuple[str, ...]) -> Proxy | BlindSpot:
    from grpcdoctor.envoy.admin import AdminError, read_over

    answer = in_background(lambda: read_over(asked.connect, asked.name, _SECONDS, endpoints, asked.host), OBSERVATION)
    try:
        return await asyncio.wait_for(answer, _SECONDS + 1)
    except AdminError as failed:
        return BlindSpot(_WHAT, str(failed), blocks_verdict=False)
    except (TimeoutError, asyncio.TimeoutError):
        return BlindSpot(_WHAT, f"{asked.name} did not answer in {_SECONDS:g} s", blocks_verdict=False)
    except Exception as bug:
        return BlindSpot(_WHAT, describe_bug(bug), blocks_verdict=False)


def _unheard(report: Report, spot: BlindSpot) -> Report:
    item = Observation(OBSERVATION, Outcome.FAIL, error=spot.why, started_ms=report.duration_ms)
    return replace(report, observations=(*report.observations, item), blind_spots=(*report.blind_spots, spot))


def _elsewhere(facts: EnvoyFacts) -> tuple[BlindSpot, ...]:
    """It is an Envoy, and not the one that took the calls."""
    if not facts.calls or (facts.entrance is not None and not facts.saw_nothing):
        return ()
    why = f"none of its listeners counted any of the {facts.calls} calls: another Envoy (another replica?) took them"
    if facts.entrance is None:
        why = "none of its listeners is on that port, or has a virtual host for that authority"
    return (BlindSpot(f"{_WHAT} ({facts.source})", why, blocks_verdict=False),)
