"""Asks every hop of a way the same questions, and puts what follows into the target's report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.kubeconfig import in_a_pod
from grpcdoctor.cluster.live.permissions import denials, port_forward_permissions
from grpcdoctor.diagnosis.background import in_background
from grpcdoctor.diagnosis.bisect_plan import Plan, PlannedHop, cluster_hops
from grpcdoctor.diagnosis.bisect_report import Looked, bisected, looked_of, unseen
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.diagnosis.hearing import UNHEARD, AskedCluster
from grpcdoctor.diagnosis.hop_probe import HopProbe
from grpcdoctor.diagnosis.with_cluster import Witness
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.session import FrameSink

HOPS_AT_ONCE: Final = 8
_PERMISSION_SECONDS: Final = 10.0


@dataclass(slots=True)
class TunnelledCluster:
    """A live cluster that is read for a host, and then used to get at its pods. `close` when the run is over."""

    connect: Callable[[], Connection]
    """Blocks; raises ClusterError."""
    read: Callable[[Connection], Witness]
    """Blocks."""
    gateway: str | None = None
    connection: Connection | None = field(default=None, init=False)
    witness: Witness | None = field(default=None, init=False)

    def look(self) -> Witness:
        self.connection = self.connect()
        self.witness = self.read(self.connection)
        return self.witness

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


async def bisect_given(
    target: Target,
    plan: Plan,
    options: ProbeOptions,
    *,
    cluster: AskedCluster | None = None,
    on_frame: FrameSink | None = None,
) -> Report:
    """The target, and behind it the hops that the user gave."""
    outermost = asyncio.ensure_future(diagnose(target, options, on_frame=on_frame, cluster=cluster))
    try:
        looked = await _look_at(plan.hops, HopProbe(options))
        report = await outermost
    finally:
        outermost.cancel()
    return bisected(report, (looked_of(report, plan.outermost), *looked), plan.notes)


async def bisect_cluster(
    target: Target, options: ProbeOptions, cluster: TunnelledCluster, *, on_frame: FrameSink | None = None
) -> Report:
    """The target, and behind it the hops that the objects of the cluster name."""
    try:
        asked = AskedCluster(cluster.look, cluster.gateway)
        report = await diagnose(target, options, on_frame=on_frame, cluster=asked)
        connection, witness = cluster.connection, cluster.witness
        if connection is None or witness is None:
            return _without_hops(report, _why_unread(report))
        plan = cluster_hops(witness.cluster, witness.host, target, options.call, cluster.gateway, in_a_pod())
        if not plan.hops:
            return _without_hops(report, f"no route for {witness.host} was found in {witness.scope.input}")
        spots = await _may_not(connection, plan)
        report = replace(report, blind_spots=(*report.blind_spots, *spots.values()))
        hops = [_forbidden(hop, spots) for hop in plan.hops]
        looked = await _look_at(hops, HopProbe(options, connection))
        return bisected(report, (looked_of(report, plan.outermost), *looked), plan.notes)
    finally:
        cluster.close()


def _without_hops(report: Report, why: str) -> Report:
    """What is behind the address is one hop that was not seen: so the address is not taken for the innermost."""
    behind = PlannedHop(1, "hops behind", report.target.endpoint)
    return bisected(report, (looked_of(report, "address"), unseen(behind, why)), ())


def _why_unread(report: Report) -> str:
    return next((spot.why for spot in report.blind_spots if spot.what == UNHEARD), "the cluster was not read in time")


async def _look_at(hops: Sequence[PlannedHop], probe: HopProbe) -> list[Looked]:
    """All of them, so many at a time, in their order."""
    slots = asyncio.Semaphore(HOPS_AT_ONCE)

    async def look(hop: PlannedHop) -> Looked:
        async with slots:
            return await probe.look(hop)

    return list(await asyncio.gather(*map(look, hops)))


async def _may_not(connection: Connection, plan: Plan) -> dict[str, BlindSpot]:
    """Namespace -> why there is no way to its pods, as far as the API server says so beforehand."""

    def ask() -> dict[str, BlindSpot]:
        deadline = Deadline.after(_PERMISSION_SECONDS)
        found: dict[str, BlindSpot] = {}
        for namespace in plan.namespaces:
            wanted = port_forward_permissions(namespace, connection.version)
            refused = denials(connection, wanted, deadline)
            if refused:
                found[namespace] = replace(refused[0], blocks_verdict=False)
        return found

    return await in_background(ask, "permissions")


def _forbidden(hop: PlannedHop, spots: dict[str, BlindSpot]) -> PlannedHop:
    spot = spots.get(hop.pod[0]) if hop.pod is not None else None
    return hop if spot is None else replace(hop, target=None, unseen=spot.why)
