"""From which hops work to where it breaks. Pure.

Every hop is probed from here, and each leads through all those behind it. So where one fails and the next works, the
fault is at the former or between the two. What could not be looked at is never counted on either side, and whatever
does not fit (one fails behind another that works) is said and not explained away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from grpcdoctor.model.bisection import BisectHop, Bisection, HopState, Outcome

_NAMES_AT_ONCE: Final = 3

BYPASS: Final = (
    "a port-forward ends inside the pod, at its loopback: it bypasses the mesh. Its mTLS (STRICT inbound), its "
    "authorization and its sidecars' routes are not exercised, and a server that listens on the pod's IP alone "
    "refuses it"
)


@dataclass(frozen=True, slots=True)
class _Level:
    """The hops that stand beside each other."""

    hops: tuple[BisectHop, ...]

    def of(self, state: HopState) -> tuple[BisectHop, ...]:
        return tuple(hop for hop in self.hops if hop.state is state)

    @property
    def seen(self) -> bool:
        return any(hop.state is not HopState.UNSEEN for hop in self.hops)

    @property
    def fails(self) -> bool:
        return self.seen and not self.of(HopState.WORKS)

    @property
    def works_somewhere(self) -> bool:
        return bool(self.of(HopState.WORKS))

    @property
    def mixed(self) -> bool:
        return bool(self.of(HopState.WORKS) and self.of(HopState.FAILS))


def conclude(hops: Sequence[BisectHop]) -> Bisection:
    """The hops, from the outermost, and what follows from them."""
    ordered = tuple(sorted(hops, key=lambda hop: hop.level))
    levels = [_Level(tuple(group)) for _, group in groupby(ordered, key=lambda hop: hop.level)]
    good = next((index for index, level in enumerate(levels) if level.works_somewhere), None)
    failing = [index for index, level in enumerate(levels) if level.fails]
    if good is None:
        found = _none_works(ordered, levels, failing)
    else:
        before = [index for index in failing if index < good]
        if before:
            found = _between(ordered, levels, before[-1], good)
        else:
            found = _outermost_works(ordered, levels, good, failing)
    return _with_notes(found, levels, good)


def _none_works(hops: tuple[BisectHop, ...], levels: list[_Level], failing: list[int]) -> Bisection:
    if not failing:
        return Bisection(hops, Outcome.UNDECIDED, "no hop could be looked at, so nothing is known of where it breaks")
    innermost = levels[failing[-1]]
    at = innermost.of(HopState.FAILS)
    further = [hop for level in levels[failing[-1] + 1 :] for hop in level.hops]
    if further:
        text = (
            f"none of the hops that could be looked at works, down to {_titles(at)}: it breaks there or further in "
            f"({_titles(further)} could not be looked at)"
        )
        return Bisection(hops, Outcome.INWARD, text, _all_titles(at))
    text = f"no hop works, down to the innermost, {_titles(at)}: it breaks there, whatever stands before it"
    return Bisection(hops, Outcome.AT_SERVER, text, _all_titles(at))


def _between(hops: tuple[BisectHop, ...], levels: list[_Level], bad: int, good: int) -> Bisection:
    at, beyond = levels[bad].of(HopState.FAILS), levels[good].of(HopState.WORKS)
    unseen = [hop for level in levels[bad + 1 : good] for hop in level.hops]
    perhaps = f", or at {_titles(unseen)}, which could not be looked at" if unseen else ""
    fail, work = "fails" if len(at) == 1 else "fail", "works" if len(beyond) == 1 else "work"
    text = (
        f"it first breaks at {_titles(at)}, or on the way from there to {_titles(beyond)}{perhaps}: "
        f"the former {fail}, the latter {work}"
    )
    return Bisection(hops, Outcome.BETWEEN, text, _all_titles(at), _all_titles(beyond))


def _outermost_works(hops: tuple[BisectHop, ...], levels: list[_Level], good: int, failing: list[int]) -> Bisection:
    """The outermost hop that could be looked at works, wholly or for some of its kind."""
    works = levels[good].of(HopState.WORKS)
    bad = [hop for level in levels if level.mixed for hop in level.of(HopState.FAILS)]
    odd = [hop for index in failing for hop in levels[index].of(HopState.FAILS)]
    notes = (_odd(odd, works),) if odd else ()
    if bad:
        return Bisection(hops, Outcome.SOME, _some(levels), _all_titles(bad), notes=notes)
    if odd:
        text = f"it breaks nowhere on the way of a request: {_titles(works)} works, and leads through all the others"
        return Bisection(hops, Outcome.SIDEWAYS, text, (), _all_titles(works), notes)
    unseen = [hop for hop in hops if hop.state is HopState.UNSEEN]
    if unseen:
        text = f"every hop that could be looked at works; {_titles(unseen)} could not be"
    else:
        text = f"all {len(hops)} hops work" if len(hops) > 1 else "the only hop works"
    return Bisection(hops, Outcome.WORKS, text, (), _all_titles(works))


def _some(levels: list[_Level]) -> str:
    """`2 of 3 backend pods fail: a, b`."""
    parts = []
    for level in levels:
        if level.mixed:
            bad, seen = level.of(HopState.FAILS), len(level.hops) - len(level.of(HopState.UNSEEN))
            fail = "fails" if len(bad) == 1 else "fail"
            names = _names(bad)
            parts.append(f"{len(bad)} of {seen} {bad[0].role}s {fail}: {names}")
    return f"{'; '.join(parts)}; calls that land there fail, the others work"


def _odd(bad: Sequence[BisectHop], works: Sequence[BisectHop]) -> str:
    one = len(bad) == 1
    return (
        f"{_titles(bad)} {'fails' if one else 'fail'} when asked from here, although {_titles(works)} works: requests "
        f"do not go that way, or {'it answers' if one else 'they answer'} only to what stands before"
    )


def _with_notes(found: Bisection, levels: list[_Level], good: int | None) -> Bisection:
    """What else is to be said: pods that fail behind the break, hops that fail behind one that works."""
    notes = list(found.notes)
    if found.outcome is Outcome.BETWEEN and good is not None:
        behind = levels[good + 1 :]
        odd = [hop for level in behind if level.fails for hop in level.hops if hop.state is HopState.FAILS]
        if odd:
            notes.append(_odd(odd, levels[good].of(HopState.WORKS)))
        if any(level.mixed for level in levels[good:]):
            notes.append(_some(levels[good:]))
    if any(hop.way == "port-forward" and hop.state is not HopState.UNSEEN for hop in found.hops):
        notes.append(BYPASS)
    return Bisection(found.hops, found.outcome, found.sentence, found.breaks_at, found.works_at, tuple(notes))


def _all_titles(hops: Sequence[BisectHop]) -> tuple[str, ...]:
    return tuple(hop.title for hop in hops)


def _titles(hops: Sequence[BisectHop]) -> str:
    """`gateway pod a`, `backend pods a and b`; of many the first and how many more."""
    by_role = groupby(hops, key=lambda hop: hop.role)
    parts = []
    for role, group in by_role:
        alike = list(group)
        parts.append(f"{role}{'s' if len(alike) > 1 else ''} {_names(alike)}")
    return " and ".join(parts) if len(parts) < 3 else ", ".join(parts)


def _names(hops: Sequence[BisectHop]) -> str:
    names = [hop.name for hop in hops]
    shown = names[:_NAMES_AT_ONCE]
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return " and ".join(shown) if len(shown) < 3 else ", ".join(shown)
