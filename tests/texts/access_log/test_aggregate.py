"""Counting: right, bounded, and fair to healthy lines."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.texts.access_log import Aggregator, Entry, LogFilter, Outcome, Summary, parse_line
from grpcdoctor.texts.access_log.outcome import outcome_of
from grpcdoctor.texts.access_log.sketch import RELATIVE_ERROR, DurationSketch
from grpcdoctor.texts.access_log.timeline import MOST_SLOTS, Timeline
from tests.texts.access_log.lines import ENVOY, ISTIO


def counted(*entries: Entry, most_groups: int = 500, keep: LogFilter | None = None) -> Summary:
    aggregator = Aggregator(most_groups, keep)
    aggregator.add_all(entries)
    return aggregator.summary()


def entry(**fields: object) -> Entry:
    return Entry("istio-text", response_code=200)._replace(**fields)  # type: ignore[arg-type]


def test_a_fault_and_healthy_lines_are_two_groups() -> None:
    lines = [parse_line(line) for line in [ENVOY] * 9 + [ISTIO]]
    summary = counted(*(line for line in lines if line is not None))
    assert [(group.counts.count, group.key.flagged) for group in summary.groups] == [(9, False), (1, True)]
    assert summary.healthy_share == 0.9
    assert summary.flagged[0].key.details == "upstream_reset_before_response_started{remote_connection_failure}"
    assert summary.flagged[0].transport_failures[0].value == "delayed_connect_error:_Connection_refused"


def test_a_client_that_left_and_an_applications_error_are_no_fault_of_the_proxy() -> None:
    assert outcome_of(entry(flags=("DC",), response_code=0)) is Outcome.CLIENT_LEFT
    assert outcome_of(entry(code_details="via_upstream", grpc_status=5)) is Outcome.APPLICATION
    assert outcome_of(entry(code_details="rbac_access_denied_matched_policy[x]")) is Outcome.PROXY
    assert outcome_of(entry(code_details="via_upstream", grpc_status=0)) is Outcome.OK


def test_a_heavy_group_that_comes_late_is_not_lost() -> None:
    noise = [entry(authority=f"host-{n}", path=f"/a.B{n}/C", flags=("NR",)) for n in range(20_000)]
    late = [entry(authority="late", path="/x.Y/Z", flags=("UF",))] * 3000
    summary = counted(*noise, *late, most_groups=50)
    assert summary.groups[0].key.authority == "late"
    assert summary.groups[0].counts.count + summary.groups[0].missed_at_most >= 3000
    assert len(summary.groups) <= 100
    assert summary.total.count == 23_000 == sum(g.counts.count for g in (*summary.groups, *summary.others))
    assert summary.grpc == 23_000


@given(st.lists(st.integers(0, 30), max_size=400), st.integers(1, 6))
def test_no_group_that_is_a_large_enough_share_is_ever_lost(names: list[int], kept: int) -> None:
    aggregator = Aggregator(kept)
    for name in names:
        aggregator.add(entry(authority=str(name)))
        aggregator._count()
    summary = aggregator.summary()
    found = {group.key.authority: group for group in summary.groups}
    assert len(found) <= 2 * kept
    for name, times in Counter(names).items():
        if times > len(names) / kept:
            group = found[str(name)]
            assert group.counts.count <= times <= group.counts.count + group.missed_at_most


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=300))
def test_percentiles_are_at_most_one_percent_off(durations: list[int]) -> None:
    sketch = DurationSketch()
    sketch.add(Counter({float(ms): times for ms, times in Counter(durations).items()}))
    ordered = sorted(durations)
    for share, found in zip((0.5, 0.9, 0.99), sketch.percentiles((0.5, 0.9, 0.99)), strict=True):
        exact = next(ms for place, ms in enumerate(ordered, start=1) if place >= share * len(ordered))
        assert abs(found - exact) <= exact * RELATIVE_ERROR * 1.0001


def test_durations_that_are_cut_cluster_at_their_figure() -> None:
    sketch = DurationSketch()
    sketch.add({15000.0: 20, 15004.0: 15, 15090.0: 5, 3.0: 100, 9000.0: 1})
    assert [(one.seconds, one.count, one.timed) for one in sketch.clusters()] == [(15.0, 40, 141)]
    spread = DurationSketch()
    spread.add({float(ms): 1 for ms in range(1000, 60000, 7)})
    assert spread.clusters() == ()


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=100))
def test_a_timeline_never_has_too_many_slots_and_loses_nothing(seconds: list[int]) -> None:
    timeline = Timeline()
    for second in seconds:
        timeline.add({second: 1})
    assert timeline.span is not None
    first, last = timeline.span
    assert last - first < MOST_SLOTS
    assert sum(timeline.counts(first, last, timeline.width)) == len(seconds)


def test_a_filter_keeps_what_was_asked_for() -> None:
    mine = entry(
        upstream_cluster="outbound|50051||greeter.prod.svc.cluster.local", path="/lab.Greeter/SayHello", time=9.0
    )
    assert all(
        LogFilter(host=host).keeps(mine)
        for host in ("greeter.prod", "greeter", "*.prod.svc.cluster.local", "greeter.prod:50051")
    )
    assert not LogFilter(host="greeter.dev").keeps(mine)
    assert all(LogFilter(path=path).keeps(mine) for path in ("/lab.Greeter", "lab.Greeter/SayHello", "*SayHello"))
    assert not LogFilter(path="/lab.Gree").keeps(mine)
    summary = counted(mine, entry(), keep=LogFilter(since=8.0))
    assert (summary.total.count, summary.left_out, summary.undated) == (1, 1, 1)
