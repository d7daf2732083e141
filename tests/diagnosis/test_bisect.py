"""From which hops work to where it breaks, as a table: every pattern, and nothing claimed of what was not seen."""

from __future__ import annotations

import itertools

import pytest

from grpcdoctor.diagnosis.bisect import BYPASS, conclude
from grpcdoctor.model.bisection import BisectHop, Bisection, HopState, Outcome

STATES = {"W": HopState.WORKS, "F": HopState.FAILS, "?": HopState.UNSEEN}
ROLES = ("public address", "gateway Service", "gateway pod", "backend Service", "backend pod")


def hops(pattern: str) -> list[BisectHop]:
    """`F ? WF`: a word a level, a letter a hop. The hops are called 0a, 1a, 2a, 2b."""
    return [
        BisectHop(level, ROLES[level], f"{level}{'abcdef'[index]}", STATES[letter])
        for level, word in enumerate(pattern.split())
        for index, letter in enumerate(word)
    ]


def names(titles: tuple[str, ...]) -> str:
    return " ".join(title.rpartition(" ")[2] for title in titles)


@pytest.mark.parametrize(
    ("pattern", "outcome", "breaks", "works"),
    [
        ("W", Outcome.WORKS, "", "0a"),
        ("W W W W WW", Outcome.WORKS, "", "0a"),
        ("W ? W ? WW", Outcome.WORKS, "", "0a"),
        ("? ? W W WW", Outcome.WORKS, "", "2a"),
        ("W W W W W?", Outcome.WORKS, "", "0a"),
        ("F W W W WW", Outcome.BETWEEN, "0a", "1a"),
        ("F F F W WW", Outcome.BETWEEN, "2a", "3a"),
        ("F ? F ? WW", Outcome.BETWEEN, "2a", "4a 4b"),
        ("F F F F WF", Outcome.BETWEEN, "3a", "4a"),
        ("? F W W WW", Outcome.BETWEEN, "1a", "2a"),
        ("F W F W WW", Outcome.BETWEEN, "0a", "1a"),
        ("F F FF F WW", Outcome.BETWEEN, "3a", "4a 4b"),
        ("F F F F FF", Outcome.AT_SERVER, "4a 4b", ""),
        ("F", Outcome.AT_SERVER, "0a", ""),
        ("F ? ? ? F?", Outcome.AT_SERVER, "4a", ""),
        ("F F F ? ??", Outcome.INWARD, "2a", ""),
        ("F ?", Outcome.INWARD, "0a", ""),
        ("W W W W WF", Outcome.SOME, "4b", ""),
        ("W W WF W WFF", Outcome.SOME, "2b 4b 4c", ""),
        ("W F W W WF", Outcome.SOME, "4b", ""),
        ("W W W W FF", Outcome.SIDEWAYS, "", "0a"),
        ("W ? F ? WW", Outcome.SIDEWAYS, "", "0a"),
        ("? ? ? ? ??", Outcome.UNDECIDED, "", ""),
        ("?", Outcome.UNDECIDED, "", ""),
    ],
)
def test_where_it_breaks_follows_from_which_hops_work(
    pattern: str, outcome: Outcome, breaks: str, works: str
) -> None:
    found = conclude(hops(pattern))
    assert (found.outcome, names(found.breaks_at), names(found.works_at)) == (outcome, breaks, works), found.sentence


def test_a_hop_between_the_two_that_was_not_seen_may_be_the_one() -> None:
    found = conclude(hops("F ? F ? WW"))
    assert found.sentence == (
        "it first breaks at gateway pod 2a, or on the way from there to backend pods 4a and 4b, or at backend Service "
        "3a, which could not be looked at: the former fails, the latter work"
    )


def test_what_could_not_be_looked_at_is_named_where_all_else_works() -> None:
    assert conclude(hops("W ? W")).sentence == (
        "every hop that could be looked at works; gateway Service 1a could not be"
    )
    assert conclude(hops("W W W")).sentence == "all 3 hops work"


def test_pods_that_fail_are_named_and_many_are_counted() -> None:
    assert conclude(hops("W W W W WFWF")).sentence == (
        "2 of 4 backend pods fail: 4b and 4d; calls that land there fail, the others work"
    )
    assert "4b, 4c, 4d and 2 more" in conclude(hops("W W W W WFFFFF")).sentence


def test_a_hop_that_fails_behind_one_that_works_is_said_and_blamed_for_nothing() -> None:
    (note,) = conclude(hops("W W F W W")).notes
    assert note.startswith("gateway pod 2a fails when asked from here, although public address 0a works")
    notes = conclude(hops("F W F W WF")).notes
    assert [note.partition(" when")[0] for note in notes] == [
        "gateway pod 2a fails", "1 of 2 backend pods fails: 4b; calls that land there fail, the others work",
    ]  # fmt: skip


def test_none_works_and_the_innermost_is_unseen_claims_no_more_than_that() -> None:
    assert conclude(hops("F F ?")).sentence == (
        "none of the hops that could be looked at works, down to gateway Service 1a: it breaks there or further in "
        "(gateway pod 2a could not be looked at)"
    )


def test_a_port_forward_that_was_used_is_told_with_what_it_bypasses() -> None:
    used = BisectHop(4, "backend pod", "a", HopState.WORKS, "port-forward")
    not_used = BisectHop(4, "backend pod", "a", HopState.UNSEEN, "port-forward")
    assert conclude([*hops("W"), used]).notes == (BYPASS,)
    assert conclude([*hops("W"), not_used]).notes == ()
    assert "STRICT" in BYPASS


def test_no_pattern_blames_a_hop_that_works_or_was_not_seen_or_praises_one_that_fails() -> None:
    """Every pattern of three single hops and two pods."""
    for letters in itertools.product("WF?", repeat=5):
        pattern = f"{letters[0]} {letters[1]} {letters[2]} {letters[3]}{letters[4]}"
        found: Bisection = conclude(hops(pattern))
        by_title = {hop.title: hop.state for hop in found.hops}
        assert {by_title[title] for title in found.breaks_at} <= {HopState.FAILS}, pattern
        assert {by_title[title] for title in found.works_at} <= {HopState.WORKS}, pattern
        assert found.sentence
        assert (found.outcome is Outcome.UNDECIDED) == ("W" not in letters and "F" not in letters), pattern
        assert not (found.outcome is Outcome.WORKS and "F" in letters), pattern
