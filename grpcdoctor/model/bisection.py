"""Bisection: the hops of one way, each probed from here, and what follows from which of them work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class HopState(str, Enum):
    """What the probe of one hop came to."""

    WORKS = "works"
    FAILS = "fails"
    UNSEEN = "unseen"
    """It could not be looked at, or what was seen decides nothing."""


class Outcome(str, Enum):
    """What the hops together say."""

    WORKS = "works"
    """Every hop that could be looked at."""
    BETWEEN = "between"
    """A hop fails and the next one works: it breaks at the former, or on the leg between the two."""
    AT_SERVER = "at-server"
    """None works, down to the innermost."""
    INWARD = "inward"
    """None works of those that could be looked at, and the innermost is not among them."""
    SOME = "some"
    """Of several alike (pods) some fail."""
    SIDEWAYS = "sideways"
    """The outermost works, and one behind it fails when it is asked by itself."""
    UNDECIDED = "undecided"
    """Nothing could be looked at."""


@dataclass(frozen=True, slots=True)
class BisectHop:
    """One place of the way. Hops of one level stand beside each other, as the pods of a Service do."""

    level: int
    """0 is the outermost."""
    role: str
    """"public address", "gateway Service", "gateway pod", "backend", "backend Service", "backend pod" or "hop"."""
    name: str
    """`prod/greeter-0:50051`."""
    state: HopState
    way: str = ""
    """How it was reached, where not directly: "port-forward"."""
    speaks: str = ""
    """"TLS" or "plaintext", as it was asked; empty where it was not."""
    cause: str | None = None
    """The rule that names why it fails."""
    detail: str = ""
    """The cause in words, or why it could not be looked at."""
    duration_ms: float = 0.0

    @property
    def title(self) -> str:
        return f"{self.role} {self.name}"


@dataclass(frozen=True, slots=True)
class Bisection:
    """`breaks_at` and `works_at` are titles of hops: the first breaking ones, and what works behind them."""

    hops: tuple[BisectHop, ...]
    outcome: Outcome
    sentence: str
    breaks_at: tuple[str, ...] = ()
    works_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was odd, and what this way of looking does not show."""
