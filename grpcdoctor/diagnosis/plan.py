"""Runs the probes of one session: in rounds, each probe as soon as what it needs was observed."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any, Final

from grpcdoctor.diagnosis.probe_registry import Probe, probes
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.dial import OutOfFilesError
from grpcdoctor.wire.session import Session
from grpcdoctor.wire.tls import ContextError

# How a run is read, and the order in which observations are reported: from the name up to the call.
LADDER: Final = (
    "dns",
    "tcp",
    "other-port",
    "tls",
    "sni",
    "alpn",
    "h2c",
    "silence",
    "http1",
    "http2",
    "grpc",
    "health",
    "reflection",
    "call",
)
# A probe keeps its own deadlines; this is for one that has a bug, so that the run ends all the same.
_GRACE_SECONDS: Final = 1.0


async def run_probes(session: Session) -> None:
    """Fill `session.observations`. Never raises for what a peer does; raises ContextError for the user's files."""
    done = {observation.probe for observation in session.observations}
    pending = [p for p in probes() if p.name not in done and _is_wanted(p, session)]
    while pending and not session.deadline.expired:
        batch = [probe for probe in pending if _is_ready(probe, session)]
        if not batch:
            break
        pending = [probe for probe in pending if probe not in batch]
        if len(batch) == 1:
            session.observations.append(await _run(batch[0], session))
        else:
            session.observations += await asyncio.gather(*(_run(probe, session) for probe in batch))
    session.observations += _not_run(pending, session)


def finish(session: Session) -> None:
    """Let probes refresh their facts, and put the observations in the order of the ladder."""
    hooks = {probe.name: probe.finish for probe in probes() if probe.finish is not None}
    for index, observation in enumerate(session.observations):
        hook = hooks.get(observation.probe)
        if hook is not None and observation.facts is not None:
            session.observations[index] = _refreshed(observation, hook, session)
    session.observations.sort(key=lambda o: LADDER.index(o.probe) if o.probe in LADDER else len(LADDER))


def _refreshed(observation: Observation, hook: Callable[[Session, Any], Any], session: Session) -> Observation:
    try:
        return replace(observation, facts=hook(session, observation.facts))
    except Exception as bug:
        return replace(observation, outcome=Outcome.BUG, error=describe_bug(bug))


def _is_wanted(probe: Probe, session: Session) -> bool:
    return (probe.quick or not session.options.quick) and probe.wanted(session)


def _is_ready(probe: Probe, session: Session) -> bool:
    try:
        return probe.ready(session)
    except Exception:
        return True  # run it, so that the same bug shows where it is reported


async def _run(probe: Probe, session: Session) -> Observation:
    started = monotonic()
    facts, error, outcome = None, None, Outcome.FAIL
    try:
        limit = Deadline(session.deadline.at + _GRACE_SECONDS)
        measurement = await limit.wait(probe.run(session))
        facts, error, outcome = measurement.facts, measurement.error, measurement.outcome
    except TimeoutError:
        error = "the time for this target ran out"
    except OutOfFilesError as ours:
        error = str(ours)
    except ContextError:
        raise
    except Exception as bug:
        error, outcome = describe_bug(bug), Outcome.BUG
    return Observation(
        probe=probe.name,
        outcome=outcome,
        facts=facts,
        error=error,
        started_ms=(started - session.started) * 1000,
        duration_ms=(monotonic() - started) * 1000,
    )


def describe_bug(bug: Exception) -> str:
    """What to report: the exception and the line of ours that raised it."""
    frames = traceback.extract_tb(bug.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    return f"a bug in grpcdoctor, please report it: {type(bug).__name__}: {bug} ({place})"


def _not_run(pending: list[Probe], session: Session) -> list[Observation]:
    late = "the time for this target ran out" if session.deadline.expired else None
    reasons = ((probe.name, probe.skipped(session)) for probe in pending)
    return [
        Observation(name, Outcome.SKIPPED, error=late or reason, started_ms=session.elapsed_ms)
        for name, reason in reasons
        if reason is not None
    ]
