"""diagnose: one target to its report."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from grpcdoctor.diagnosis.correlate import causes_of, verdict_of
from grpcdoctor.diagnosis.hops import hops_of
from grpcdoctor.diagnosis.judge import judge
from grpcdoctor.diagnosis.plan import describe_bug, finish, run_probes
from grpcdoctor.model.facts.envoy import EnvoyFacts
from grpcdoctor.model.facts.reach import DnsFacts
from grpcdoctor.model.finding import BlindSpot, Verdict
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.redact import redact, secrets_of
from grpcdoctor.model.report import Report
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target
from grpcdoctor.wire.session import FrameSink, Session, Shared
from grpcdoctor.wire.tls import ContextError

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy
    from grpcdoctor.diagnosis.hearing import AskedCluster


async def diagnose(
    target: Target,
    options: ProbeOptions,
    *,
    on_frame: FrameSink | None = None,
    shared: Shared | None = None,
    cluster: AskedCluster | None = None,
    envoy: AskedEnvoy | None = None,
) -> Report:
    """Probe, check, correlate. Never raises for what a peer does; raises wire.tls.ContextError for the user's files.

    `cluster`: also ask the cluster behind the endpoint; `envoy`: also ask this Envoy on the way.
    """

    async def again(other: Target) -> Report:
        if envoy is None:
            return await _diagnose(other, options, on_frame, shared)
        from grpcdoctor.diagnosis.envoy_hearing import hear_around

        safe = with_secrets(options)
        return await hear_around(envoy, safe, report_of, lambda: _diagnose(other, options, on_frame, shared))

    if cluster is None:
        return await again(target)
    from grpcdoctor.diagnosis.hearing import Hearing

    hearing = Hearing(cluster, options.timeout)
    way = await hearing.target(target)
    report = await again(target if isinstance(way, BlindSpot) else way)
    if isinstance(way, BlindSpot):
        report = replace(report, blind_spots=(*report.blind_spots, way))
    return await hearing.complete(report, options, report_of, again)


async def _diagnose(
    target: Target, options: ProbeOptions, on_frame: FrameSink | None, shared: Shared | None
) -> Report:
    options = with_secrets(options)
    started_at = now()
    session = Session(target, options, shared or Shared(), on_frame)
    try:
        report = await _diagnosed(session, options, started_at)
    except ContextError:
        raise
    except Exception as bug:  # of ours, outside any probe or check: those are caught where they run
        report = _report_of_bug(bug, session, started_at)
    finally:
        session.close()
    if session.trace:
        report = replace(report, trace=tuple(session.trace))
    # What a peer says was freed of tokens where it came in; the walk over all of it is for the user's own secrets.
    return redact(report, options.secrets) if options.secrets else report


async def _diagnosed(session: Session, options: ProbeOptions, started_at: str) -> Report:
    target = session.target
    await run_probes(session)
    finish(session)
    report = report_of(Run(target, options, session.seen()), started_at, session.elapsed_ms)
    if _wants_second_opinion(report, options):
        session.trouble = True
        await run_probes(session)
        finish(session)
    if options.count > 1:
        from grpcdoctor.diagnosis.repeat import repeated

        return await repeated(session, started_at)
    if session.trouble:
        report = report_of(Run(target, options, session.seen()), started_at, session.elapsed_ms)
    return report


def _report_of_bug(bug: Exception, session: Session, started_at: str) -> Report:
    """What was observed until then, and that the judgement is missing."""
    text = describe_bug(bug)
    observation = Observation("diagnosis", Outcome.BUG, error=text, started_ms=session.elapsed_ms)
    return Report(
        target=session.target,
        verdict=Verdict.INCONCLUSIVE,
        started_at=started_at,
        duration_ms=session.elapsed_ms,
        observations=(*session.observations, observation),
        blind_spots=(BlindSpot("what is wrong here, if anything", text),),
    )


def report_of(run: Run, started_at: str, duration_ms: float) -> Report:
    """The judgement on a finished run; pure."""
    findings, blind_spots = judge(run)
    if run.get(EnvoyFacts) is not None:
        from grpcdoctor.diagnosis.envoy_word import told

        findings, blind_spots = told(findings, blind_spots, run)
    causes = causes_of(findings, run)
    dns = run.get(DnsFacts)
    return Report(
        target=run.target,
        verdict=verdict_of(causes, blind_spots),
        started_at=started_at,
        duration_ms=duration_ms,
        causes=causes,
        findings=findings,
        hops=hops_of(run),
        observations=run.observations.items,
        blind_spots=blind_spots,
        addresses=dns.addresses if dns is not None else (),
    )


def with_secrets(options: ProbeOptions) -> ProbeOptions:
    """The options with the list of values that no output may show."""
    return replace(options, secrets=secrets_of(options.headers)) if options.headers else options


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wants_second_opinion(report: Report, options: ProbeOptions) -> bool:
    if options.second_opinion is not None:
        return options.second_opinion
    return report.verdict is not Verdict.HEALTHY and not options.quick
