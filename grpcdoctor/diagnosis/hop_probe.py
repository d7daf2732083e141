"""Probes one hop of a bisected way: directly, or through a port-forward; with TLS, without, or both in turn."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Final

from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.portforward import Forwarder
from grpcdoctor.diagnosis.bisect_plan import PlannedHop
from grpcdoctor.diagnosis.bisect_report import Looked, looked_at, state_of, unseen
from grpcdoctor.diagnosis.engine import diagnose, now, report_of
from grpcdoctor.model.bisection import HopState
from grpcdoctor.model.facts.reach import TcpAttempt, TcpFacts
from grpcdoctor.model.finding import Evidence, Source
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target
from grpcdoctor.wire.session import Shared

# Failures of a tunnel that are the server's own doing: what the probe saw of them is its answer.
_OF_THE_SERVER: Final = ("refused", "port-failed")
_REFUSED_INSIDE: Final = (
    "The connection was refused at the pod's own loopback: the server is not running there, or it listens on another "
    "port, or on the pod's IP alone, where a port-forward does not arrive."
)
_CONFIDENCE_INSIDE: Final = 0.9


class HopProbe:
    """What all hops of a run share."""

    def __init__(self, options: ProbeOptions, connection: Connection | None = None) -> None:
        # Each hop gets the same questions once, from one witness; the report of the target has the rest.
        self._options = replace(options, second_opinion=False, count=1, trace=False)
        self._connection = connection
        self._shared = Shared()

    async def look(self, hop: PlannedHop) -> Looked:
        """Never raises for what a hop or the cluster does; raises ContextError for the user's files."""
        if hop.target is None:
            return unseen(hop, hop.unseen)
        if hop.pod is None:
            return _weighed(hop, await self._report(hop, hop.target))
        assert self._connection is not None, "pods are planned only where there is a cluster"
        started = monotonic()
        try:
            with Forwarder(self._connection, *hop.pod, seconds=self._options.timeout) as forwarder:
                report = await self._report(hop, replace(hop.target, connect_to=forwarder.address))
                failures = forwarder.failures
        except PortForwardError as failed:
            return unseen(hop, failed.text)
        return self._through_a_tunnel(hop, report, failures, (monotonic() - started) * 1000)

    async def _report(self, hop: PlannedHop, target: Target) -> Report:
        """As planned; where that is not known and fails, with the other of TLS and plaintext too."""
        proxied = self._options.use_proxy and target.connect_to is None
        options = replace(self._options, use_proxy=proxied, insecure=self._options.insecure or not hop.verify)
        report = await diagnose(target, options, shared=self._shared)
        if hop.tls_known or state_of(report) is HopState.WORKS:
            return report
        other = await diagnose(replace(target, tls=not target.tls), options, shared=self._shared)
        return other if state_of(other) is HopState.WORKS else report

    def _through_a_tunnel(
        self, hop: PlannedHop, report: Report, failures: tuple[PortForwardError, ...], duration_ms: float
    ) -> Looked:
        """Where a tunnel failed, the probe saw nothing but a closed connection."""
        if state_of(report) is HopState.WORKS or not failures:
            return _weighed(hop, report)
        refused = next((one for one in failures if one.kind == "refused"), None)
        if refused is not None:
            return _weighed(hop, self._refused(hop, report.target, refused, duration_ms))
        ours = next((one for one in failures if one.kind not in _OF_THE_SERVER), None)
        if ours is not None:
            return unseen(hop, f"the port-forward to it failed: {ours.text}")
        looked = _weighed(hop, report)
        return replace(looked, hop=replace(looked.hop, detail=f"{looked.hop.detail} ({failures[0].text})"))

    def _refused(self, hop: PlannedHop, target: Target, failed: PortForwardError, duration_ms: float) -> Report:
        """What a refused connection means, as if it had been dialled: the kubelet has dialled it for us."""
        assert hop.pod is not None
        namespace, name, port = hop.pod
        attempt = TcpAttempt(f"{namespace}/{name}:{port}", "refused", duration_ms, failed.text)
        seen = Observation("tcp", Outcome.FAIL, TcpFacts(attempts=(attempt,)), failed.text, 0.0, duration_ms)
        named = replace(target, connect_to=(f"{namespace}/{name}", port))
        report = report_of(Run(named, self._options, Observations((seen,))), now(), duration_ms)
        return replace(report, causes=tuple(_by_the_kubelet(cause, failed.text) for cause in report.causes))


def _by_the_kubelet(cause: Cause, said: str) -> Cause:
    """The connection came from inside the pod, which leaves other reasons than a dial from outside."""
    root = replace(cause.root, explanation=_REFUSED_INSIDE, confidence=_CONFIDENCE_INSIDE)
    return replace(cause, root=root, evidence=(*cause.evidence, Evidence(said, Source.CLUSTER, "port-forward")))


def _weighed(hop: PlannedHop, report: Report) -> Looked:
    """What a report says of its hop; nothing where a failure proves nothing."""
    looked = looked_at(hop, report)
    if looked.hop.state is HopState.WORKS:
        return looked
    tcp = Observations(report.observations).get(TcpFacts)
    if hop.unreachable and (tcp is None or not tcp.connected):
        return unseen(hop, hop.unreachable)
    if hop.refused:
        return unseen(hop, f"{hop.refused} ({looked.hop.detail})")
    return looked
