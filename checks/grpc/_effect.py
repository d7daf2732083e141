"""Who is hit, and how bad that is: one fault on one path of many is not a broken endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grpcdoctor.checks.grpc._replies import Kind, Seen, seen
from grpcdoctor.model.facts.grpc import Reply
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run

CALL = "call"
# The question about a method that no server has. Many servers answer it before any interceptor runs, so its answer
# proves that gRPC is spoken, and nothing about what the methods that exist will say.
UNKNOWN_METHOD = "unknown-method"


@dataclass(frozen=True, slots=True)
class Effect:
    """The replies that show a fault, and those that do not. `hit` is never empty; the user's own call comes first."""

    hit: tuple[Seen, ...]
    spared: tuple[Seen, ...]

    @property
    def first(self) -> Reply:
        """The reply to talk about."""
        return self.hit[0].reply

    @property
    def hits_the_call(self) -> bool:
        return any(item.question == CALL for item in self.hit)

    @property
    def others_answer(self) -> bool:
        """Some other question got a gRPC answer that is no proxy's word."""
        return any(item.kind in (Kind.OK, Kind.UNIMPLEMENTED, Kind.APPLICATION) for item in self.spared)

    @property
    def a_method_runs(self) -> bool:
        """Some method that the server has was run, and answered with whatever result."""
        return any(
            item.question != UNKNOWN_METHOD and item.kind in (Kind.OK, Kind.APPLICATION) for item in self.spared
        )

    @property
    def severity(self) -> Severity:
        """ERROR where the user's call or everything is hit, WARNING where other questions were answered."""
        return Severity.ERROR if self.hits_the_call or not self.others_answer else Severity.WARNING


def effect_of(run: Run, shows_it: Callable[[Seen], bool]) -> Effect | None:
    """Sort the run's replies by `shows_it`; None where no reply does."""
    asked = seen(run)
    hit = tuple(item for item in asked if shows_it(item))
    return Effect(hit, tuple(item for item in asked if not shows_it(item))) if hit else None
