"""A log of any length, counted in groups in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.filters import LogFilter
from grpcdoctor.texts.access_log.group import Group, key_of
from grpcdoctor.texts.access_log.heavy import charge
from grpcdoctor.texts.access_log.outcome import Outcome
from grpcdoctor.texts.access_log.summary import GroupKey, GroupSummary, Slots, Summary

MOST_GROUPS: Final = 500
# Lines are counted this many at a time: enough to be quick, few enough to weigh little.
_BATCH: Final = 8192
_MOST_ALIASES: Final = 10_000
_MOST_OTHERS: Final = 128
_HTTP1: Final = frozenset({"HTTP/1.0", "HTTP/1.1", "HTTP/0.9"})

_Raw = tuple[object, ...]
_raw_key: Final = attrgetter(
    "authority", "route_name", "upstream_cluster", "path", "flags", "code_details", "grpc_status", "response_code",
    "upstream_code", "source",
)  # fmt: skip


class Aggregator:
    """Counts entries in groups. Of `most_groups` the largest are kept and the rest is folded into others; between two
    prunings there are at most twice as many. What a kept group may have missed is told with it.
    """

    def __init__(self, most_groups: int = MOST_GROUPS, keep: LogFilter | None = None) -> None:
        self._most_groups = most_groups
        self._keep = keep if keep is not None and keep != LogFilter() else None
        self._waiting: list[Entry] = []
        self._groups: dict[GroupKey, Group] = {}
        self._aliases: dict[_Raw, Group] = {}
        self._others: dict[GroupKey, Group] = {}
        self._forgotten = 0
        self._left_out = self._undated = 0
        self._folded_grpc = self._folded_grpc_over_http1 = 0

    def add(self, entry: Entry) -> None:
        """One line."""
        self._waiting.append(entry)
        if len(self._waiting) >= _BATCH:
            self._count()

    def add_all(self, entries: Iterable[Entry]) -> None:
        """Many lines; quicker than one by one."""
        waiting = self._waiting
        for entry in entries:
            waiting.append(entry)
            if len(waiting) >= _BATCH:
                self._count()

    def _count(self) -> None:
        entries = self._kept() if self._keep is not None else self._waiting[:]
        self._waiting.clear()
        alike: dict[_Raw, list[Entry]] = {}
        for raw, entry in zip(map(_raw_key, entries), entries, strict=True):
            if raw in alike:
                alike[raw].append(entry)
            else:
                alike[raw] = [entry]
        for raw, same in alike.items():
            group = self._aliases.get(raw)
            (group if group is not None else self._group(raw, same[0])).add(same)

    def _kept(self) -> list[Entry]:
        assert self._keep is not None
        kept = [entry for entry in self._waiting if self._keep.keeps(entry)]
        self._left_out += len(self._waiting) - len(kept)
        if self._keep.since is not None:
            self._undated += sum(entry.time is None for entry in self._waiting)
        return kept

    def _group(self, raw: _Raw, entry: Entry) -> Group:
        key = key_of(entry)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= 2 * self._most_groups:
                self._prune()
            group = self._groups[key] = Group(key, entry, self._forgotten)
        if len(self._aliases) >= _MOST_ALIASES:
            self._aliases.clear()
        self._aliases[raw] = group
        return group

    def _prune(self) -> None:
        """Folds the groups without credit into others: see heavy.py."""
        price = charge((group.credit for group in self._groups.values()), self._most_groups)
        self._forgotten += price
        self._aliases.clear()
        kept: dict[GroupKey, Group] = {}
        for key, group in self._groups.items():
            group.charged += price
            if group.credit > 0:
                kept[key] = group
            else:
                self._fold(group)
        self._groups = kept

    def _fold(self, group: Group) -> None:
        if group.is_grpc:
            self._folded_grpc += group.count
            self._folded_grpc_over_http1 += _over_http1(group)
        key = replace(group.key, authority="", route_name="", upstream_cluster="", path="")
        if key not in self._others and len(self._others) >= _MOST_OTHERS:
            key = GroupKey(outcome=key.outcome)
        if key not in self._others:
            self._others[key] = Group(key, group.example)
        self._others[key].merge(group)

    def summary(self) -> Summary:
        """What was counted so far; counting may go on afterwards."""
        self._count()
        groups, others = list(self._groups.values()), list(self._others.values())
        total, outcomes = Group(GroupKey(), Entry("")), Counter[Outcome]()
        for group in (*groups, *others):
            total.merge(group)
            outcomes[group.key.outcome] += group.count
        slots = _slots(total)
        return Summary(
            total=total.counts(total.count, slots),
            outcomes=dict(outcomes),
            groups=_summaries(groups, total.count, slots),
            others=_summaries(others, total.count, slots),
            slots=slots,
            grpc=self._folded_grpc + sum(group.count for group in groups if group.is_grpc),
            grpc_over_http1=self._folded_grpc_over_http1 + sum(_over_http1(each) for each in groups if each.is_grpc),
            left_out=self._left_out,
            undated=self._undated,
        )


def _summaries(groups: list[Group], total: int, slots: Slots | None) -> tuple[GroupSummary, ...]:
    ordered = sorted(groups, key=lambda group: (-group.count, str(group.key)))
    return tuple(group.summary(total, slots) for group in ordered)


def _slots(total: Group) -> Slots | None:
    span, width = total.timeline.span, total.timeline.width
    return Slots(float(span[0] * width), width, span[1] - span[0] + 1) if span is not None else None


def _over_http1(group: Group) -> int:
    return sum(one.count for one in group.protocols.most_common(len(_HTTP1) + 8) if one.value in _HTTP1)
