"""What an aggregated log says, as plain data for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from grpcdoctor.texts.access_log.entry import Entry, UpstreamCluster, upstream_cluster
from grpcdoctor.texts.access_log.heavy import Counted
from grpcdoctor.texts.access_log.outcome import Outcome
from grpcdoctor.texts.access_log.sketch import DurationCluster, Latency


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What the lines of a group have in common. In a group of what was folded together, only what is not empty."""

    authority: str = ""
    route_name: str = ""
    upstream_cluster: str = ""
    path: str = ""
    """A gRPC method, or a path with `*` for identifiers."""
    flags: tuple[str, ...] = ()
    details: str = ""
    """The kind: `upstream_reset_before_response_started{connection_termination}` without what varies."""
    grpc_status: int | None = None
    response_code: int | None = None
    upstream_code: int | None = None
    outcome: Outcome = Outcome.OK

    @property
    def cluster(self) -> UpstreamCluster:
        return upstream_cluster(self.upstream_cluster)

    @property
    def flagged(self) -> bool:
        """Whether a proxy is to be asked: what clients and applications did is no fault of it."""
        return self.outcome is Outcome.PROXY


@dataclass(frozen=True, slots=True)
class Counts:
    """What is told of a group, of what was folded together, and of the whole log."""

    count: int
    share: float
    """Of all lines, 0 to 1."""
    latency: Latency | None
    first: float | None
    last: float | None
    bytes_received: int
    bytes_sent: int
    over_time: tuple[int, ...]
    """Lines in each slot of the summary's `slots`."""
    protocols: tuple[Counted, ...]
    sources: tuple[Counted, ...]
    clusters: tuple[DurationCluster, ...]
    """Durations that cluster at a round figure; the largest first."""


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """One group."""

    key: GroupKey
    counts: Counts
    missed_at_most: int
    """How many more lines it may have among those that were folded together before it was kept."""
    transport_failures: tuple[Counted, ...]
    hosts: tuple[Counted, ...]
    details: tuple[Counted, ...]
    """Response code details in full."""
    example: Entry
    """Its latest line."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of time that all `over_time` have in common."""

    start: float
    width: int
    """In seconds."""
    many: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole log."""

    total: Counts
    outcomes: dict[Outcome, int]
    groups: tuple[GroupSummary, ...]
    """By count, the largest first."""
    others: tuple[GroupSummary, ...]
    """What was too little to be kept apart: by flags, details and status alone."""
    slots: Slots | None
    """None where no line has a time."""
    grpc: int
    """Lines whose path is that of a gRPC method."""
    grpc_over_http1: int
    """How many of those came by HTTP/1: no gRPC client speaks it, so something in front took the HTTP/2 away."""
    left_out: int
    """Lines that the filter kept out."""
    undated: int
    """How many of these had no time to compare with --since."""

    @property
    def healthy_share(self) -> float:
        """The share of requests that ended well; 1 for an empty log."""
        return self.outcomes.get(Outcome.OK, 0) / self.total.count if self.total.count else 1.0

    @property
    def flagged(self) -> tuple[GroupSummary, ...]:
        """The groups to explain, what was folded together included."""
        return tuple(group for group in (*self.groups, *self.others) if group.key.flagged)

    @property
    def folded(self) -> int:
        """How many lines are told only by flags, details and status."""
        return sum(group.counts.count for group in self.others)
