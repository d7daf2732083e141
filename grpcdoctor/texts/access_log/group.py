"""What is counted of the lines that belong together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.heavy import HeavyHitters
from grpcdoctor.texts.access_log.outcome import outcome_of
from grpcdoctor.texts.access_log.requests import counted_path, is_grpc
from grpcdoctor.texts.access_log.sketch import DurationSketch
from grpcdoctor.texts.access_log.summary import Counts, GroupKey, GroupSummary, Slots
from grpcdoctor.texts.access_log.timeline import Timeline

_KEPT_VALUES: Final = 16
_SHOWN_VALUES: Final = 5
_LONGEST_NAME: Final = 200
# Before Envoy 1.32 the parts were apart by a comma.
_DETAILS: Final = re.compile(r"([^{\[]*)(?:([{\[])([^|,}\]]*))?")
_CLOSING: Final = {"{": "}", "[": "]"}

_time: Final = attrgetter("time")
_duration: Final = attrgetter("duration_ms")
_received: Final = attrgetter("bytes_received")
_sent: Final = attrgetter("bytes_sent")
_host: Final = attrgetter("upstream_host")
_transport: Final = attrgetter("transport_failure_reason")
_details: Final = attrgetter("code_details")
_protocol: Final = attrgetter("protocol")
_source: Final = attrgetter("source")


@lru_cache(maxsize=4096)
def details_kind(details: str) -> str:
    """Response code details without what differs from request to request: addresses, errno, texts of TLS."""
    found = _DETAILS.match(details)
    if found is None or not found[2]:
        return details[:_LONGEST_NAME]
    return f"{found[1]}{found[2]}{found[3]}{_CLOSING[found[2]]}"[:_LONGEST_NAME]


def key_of(entry: Entry) -> GroupKey:
    """The group that a line belongs to."""
    return GroupKey(
        authority=entry.authority[:_LONGEST_NAME].lower(),
        route_name=entry.route_name[:_LONGEST_NAME],
        upstream_cluster=entry.upstream_cluster[:_LONGEST_NAME],
        path=counted_path(entry.path),
        flags=entry.flags,
        details=details_kind(entry.code_details),
        grpc_status=entry.grpc_status,
        response_code=entry.response_code,
        upstream_code=entry.upstream_code,
        outcome=outcome_of(entry),
    )


class Group:
    """Counts lines; bounded whatever their number."""

    __slots__ = (
        "charged", "count", "details", "durations", "example", "first", "hosts", "key", "last", "missed_at_most",
        "protocols", "received", "sent", "sources", "timeline", "transport",
    )  # fmt: skip

    def __init__(self, key: GroupKey, example: Entry, missed_at_most: int = 0) -> None:
        self.key = key
        self.example = example
        self.missed_at_most = missed_at_most
        self.count = self.charged = self.received = self.sent = 0
        self.first: float | None = None
        self.last: float | None = None
        self.durations = DurationSketch()
        self.timeline = Timeline()
        self.protocols, self.sources = HeavyHitters(_KEPT_VALUES), HeavyHitters(_KEPT_VALUES)
        self.hosts, self.details = HeavyHitters(_KEPT_VALUES), HeavyHitters(_KEPT_VALUES)
        self.transport = HeavyHitters(_KEPT_VALUES)

    @property
    def credit(self) -> int:
        """What is left of the count after all that it was charged for staying: see heavy.py."""
        return self.count - self.charged

    @property
    def is_grpc(self) -> bool:
        return is_grpc(self.key.path)

    def add(self, entries: Sequence[Entry]) -> None:
        """Many lines at once: counting is done a column at a time, which costs a tenth of doing it a line at a time."""
        self.count += len(entries)
        self.example = entries[-1]
        self.received += sum(map(_received, entries))
        self.sent += sum(map(_sent, entries))
        durations = Counter(map(_duration, entries))
        durations.pop(None, None)
        self.durations.add(durations)
        times = [time for time in map(_time, entries) if time is not None]
        if times:
            self._span(min(times), max(times))
            self.timeline.add(Counter(map(int, times)))
        self.hosts.add(Counter(map(_host, entries)))
        self.protocols.add(Counter(map(_protocol, entries)))
        self.sources.add(Counter(map(_source, entries)))
        if self.key.details or self.key.flags:
            self.details.add(Counter(map(_details, entries)))
            self.transport.add(Counter(map(_transport, entries)))

    def _span(self, first: float | None, last: float | None) -> None:
        if first is not None:
            self.first = first if self.first is None else min(first, self.first)
        if last is not None:
            self.last = last if self.last is None else max(last, self.last)

    def merge(self, other: Group) -> None:
        """Takes over another group's lines."""
        self.count += other.count
        self.received += other.received
        self.sent += other.sent
        self._span(other.first, other.last)
        self.durations.merge(other.durations)
        self.timeline.merge(other.timeline)
        for mine, theirs in (
            (self.hosts, other.hosts), (self.protocols, other.protocols), (self.sources, other.sources),
            (self.details, other.details), (self.transport, other.transport),
        ):  # fmt: skip
            mine.merge(theirs)

    def counts(self, total: int, slots: Slots | None) -> Counts:
        """What is told of it in a log of `total` lines."""
        over_time: tuple[int, ...] = ()
        if slots is not None:
            first = int(slots.start) // slots.width
            over_time = self.timeline.counts(first, first + slots.many - 1, slots.width)
        return Counts(
            count=self.count,
            share=self.count / total if total else 0.0,
            latency=self.durations.latency(),
            first=self.first,
            last=self.last,
            bytes_received=self.received,
            bytes_sent=self.sent,
            over_time=over_time,
            protocols=self.protocols.most_common(_SHOWN_VALUES),
            sources=self.sources.most_common(_SHOWN_VALUES),
            clusters=self.durations.clusters(),
        )

    def summary(self, total: int, slots: Slots | None) -> GroupSummary:
        """The group as plain data."""
        return GroupSummary(
            key=self.key,
            counts=self.counts(total, slots),
            missed_at_most=self.missed_at_most,
            transport_failures=self.transport.most_common(_SHOWN_VALUES),
            hosts=self.hosts.most_common(_SHOWN_VALUES),
            details=self.details.most_common(_SHOWN_VALUES),
            example=self.example,
        )
