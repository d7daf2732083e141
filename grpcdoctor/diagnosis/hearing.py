"""Hears the cluster behind an endpoint while the wire is probed, and puts both together.

Reading a cluster is slow next to a probe, so it runs beside it in a thread; what it has not said when the target's time
is over is a blind spot, and never an error: a probe needs no cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from grpcdoctor.cluster.entrance_addresses import EntranceAddress, addresses_for
from grpcdoctor.diagnosis.beside import in_thread
from grpcdoctor.diagnosis.plan import describe_bug
from grpcdoctor.diagnosis.with_cluster import Witness, heard, ingress_facts
from grpcdoctor.model.facts.reach import DnsFacts, IngressFacts
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target, is_address
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.resolve import Resolver

Look = Callable[[], Witness | None]
"""Reads the cluster for one host; blocks. None: there is none at hand. Raises nothing but its own ClusterError."""
Diagnose = Callable[[Target], Awaitable[Report]]
Judge = Callable[[Run, str, float], Report]

OBSERVATION: Final = "cluster"
_RESOLVE_SECONDS: Final = 2.0
_LATE: Final = "it was not read in time; --context and --timeout give it more"
_WHAT: Final = "what the cluster behind this endpoint says"


@dataclass(frozen=True, slots=True)
class AskedCluster:
    """Which cluster to ask, and for which of its gateways."""

    look: Look
    gateway: str | None = None
    """`namespace/name` to go in by, whatever DNS says."""
    patience: float | None = None
    """Seconds to wait for it when the wire has answered; None: as long as the target's time lasts."""


class Hearing:
    """One cluster asked about one host."""

    def __init__(self, cluster: AskedCluster, timeout: float) -> None:
        self._asked = monotonic()
        self._deadline = Deadline.after(timeout)
        self._gateway = cluster.gateway
        self._patience = cluster.patience
        self._answer = in_thread(cluster.look, "cluster")

    async def witness(self) -> Witness | BlindSpot | None:
        """The cluster, or why it could not be asked in time; None where there is none."""
        from grpcdoctor.cluster.live.errors import ClusterError

        try:
            return await self._deadline.wait(asyncio.shield(self._answer))
        except TimeoutError:
            return BlindSpot(_WHAT, _LATE, blocks_verdict=False)
        except ClusterError as failed:
            return BlindSpot(_WHAT, str(failed), blocks_verdict=False)
        except Exception as bug:
            return BlindSpot(_WHAT, describe_bug(bug), blocks_verdict=False)

    async def entrance(self) -> EntranceAddress | None:
        """The way in that the user named with --gateway, or the best one."""
        found = await self.witness()
        if not isinstance(found, Witness):
            return None
        ways = addresses_for(found.cluster, found.host, self._gateway)
        return ways[0] if ways else None

    async def target(self, target: Target) -> Target | BlindSpot:
        """The target, dialled at the entrance that --gateway names."""
        if self._gateway is None or target.connect_to is not None:
            return target
        way = await self.entrance()
        if way is not None and way.dial is not None:
            return replace(target, connect_to=way.dial)
        found = await self.witness()
        why = found.why if isinstance(found, BlindSpot) else f"no address of it for {target.host} is known"
        what = f"the way in by {self._gateway}"
        return BlindSpot(what, f"{why}; what DNS says is probed instead", blocks_verdict=False)

    async def complete(self, report: Report, options: ProbeOptions, judge: Judge, again: Diagnose) -> Report:
        """The report with what the cluster says; probed again by the entrance's own address where DNS knows none."""
        if self._patience is not None:
            self._deadline = self._deadline.within(self._patience)
        found = await self.witness()
        if found is None:
            return report
        if isinstance(found, BlindSpot):
            return replace(report, blind_spots=(*report.blind_spots, found))
        if not found.knows_host:
            text = f"nothing in {found.scope.input} claims {found.host}"
            report = replace(report, blind_spots=(*report.blind_spots, *_unseen(found, text)))
            return _observed(report, Observation(OBSERVATION, Outcome.SKIPPED, error=text))
        way = await self.entrance()
        if way is not None:
            report = await _past_dns(report, way, again)
            report = await _rejudged(report, options, way, judge)
        took = (monotonic() - self._asked) * 1000
        run = Run(report.target, options, Observations(report.observations))
        return heard(_observed(report, Observation(OBSERVATION, Outcome.OK, duration_ms=took)), run, found)


def _unseen(witness: Witness, text: str) -> tuple[BlindSpot, ...]:
    """What was not shown may well claim the host."""
    spots = witness.cluster.blind_spots
    if not spots:
        return ()
    why = f"{text}, as far as it was shown; these were not: {', '.join(spot.what for spot in spots)}"
    return (BlindSpot(_WHAT, why, spots[0].decide, blocks_verdict=False),)


async def _past_dns(report: Report, way: EntranceAddress, again: Diagnose) -> Report:
    """Where the name does not resolve, what its entrance answers all the same."""
    dns = Observations(report.observations).get(DnsFacts)
    if dns is None or dns.failure is None or way.dial is None or report.target.connect_to is not None:
        return report
    target = replace(report.target, connect_to=way.dial)
    beyond = await again(target)
    first = tuple(item for item in report.observations if item.probe == "dns")
    rest = tuple(item for item in beyond.observations if item.probe != "dns")
    return replace(beyond, target=report.target, observations=(*first, *rest))


async def _rejudged(report: Report, options: ProbeOptions, way: EntranceAddress, judge: Judge) -> Report:
    """Judged again with the way in among the observations; a run of several tries keeps its own judgement."""
    resolved = await _resolved(way.addresses)
    facts: IngressFacts = ingress_facts(way, resolved)
    seen = Observation("ingress", Outcome.OK, facts)
    if options.count > 1:
        return _observed(report, seen)
    run = Run(report.target, options, Observations((*report.observations, seen)))
    again = judge(run, report.started_at, report.duration_ms)
    return replace(again, trace=report.trace)


async def _resolved(names: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses behind a load balancer's host name."""
    found: list[str] = []
    for name in names:
        if is_address(name):
            continue
        answer = await Resolver().resolve(name, Deadline.after(_RESOLVE_SECONDS))
        found += answer.addresses
    return tuple(found)


def _observed(report: Report, item: Observation) -> Report:
    return replace(report, observations=(*report.observations, item))
