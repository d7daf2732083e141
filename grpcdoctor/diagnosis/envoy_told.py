"""Told: what an Envoy counted and is configured for, as the readers of its word ask for it; Word: their conclusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from grpcdoctor.model.facts.envoy import EnvoyBackend, EnvoyFacts, EnvoyWay
from grpcdoctor.model.finding import Alternative, Fix
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run

CERTAIN: Final = 1.0
LIKELY: Final = 0.9
_DURING: Final = "while the probe ran"
_NONE: Final = EnvoyBackend()


@dataclass(frozen=True, slots=True)
class Word:
    """What Envoy's word makes of a symptom on the wire. Empty fields leave the finding's own."""

    rule: str
    """The cause's: the symptom's own rule, or that of its look-alike."""
    message: str = ""
    evidence: tuple[str, ...] = ()
    explanation: str = ""
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None
    confidence: float | None = CERTAIN
    """None: the finding's own, with its alternatives."""
    alternatives: tuple[Alternative, ...] = ()
    settles: str = ""
    """The blind spot (by `what`) that is none any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """One run with an Envoy's word."""

    facts: EnvoyFacts
    run: Run

    @property
    def way(self) -> EnvoyWay | None:
        """Of the user's own call, else of the first question."""
        return self.facts.ways[0] if self.facts.ways else None

    @property
    def backends(self) -> Iterator[EnvoyBackend]:
        """The clusters that the calls lead to."""
        yield from self.facts.backends

    @property
    def backend(self) -> EnvoyBackend:
        """The only one to speak of; an empty one where there is none."""
        return self.facts.backends[0] if self.facts.backends else _NONE

    @property
    def prefix(self) -> str:
        return self.facts.entrance.stat_prefix if self.facts.entrance is not None else ""

    @property
    def is_istio(self) -> bool:
        return bool(self.facts.istio_version)

    def rose(self, backend: EnvoyBackend, *names: str) -> int:
        return self.facts.rose("cluster", backend.name, *names)

    def http(self, *names: str) -> int:
        """Of the connection manager that took the calls."""
        return self.facts.rose("http", self.prefix, *names)

    def http_like(self, start: str, end: str) -> tuple[tuple[str, int], ...]:
        """Counters of a filter, whose user may have put a word of his own in their middle: `rbac.` … `denied`."""
        return tuple(
            (item.what, item.by)
            for item in self.facts.counted
            if (item.scope, item.of) == ("http", self.prefix)
            and item.what.startswith(start)
            and item.what.endswith(end)
        )

    def counters(self, scope: str, of: str, *names: str) -> tuple[str, ...]:
        """A line with all of these that rose; none where none did."""
        risen = [(name, by) for name in names if (by := self.facts.rose(scope, of, name))]
        if not risen:
            return ()
        shown = ", ".join(f"{name} +{by}" for name, by in risen)
        return (f"{scope} {of}: {shown} {_DURING}{self.company}",)

    @property
    def company(self) -> str:
        """How much of it may be others' doing."""
        return f" ({self.facts.others} requests of others among them)" if self.facts.others > self.facts.calls else ""

    def of_cluster(self, backend: EnvoyBackend, *names: str) -> tuple[str, ...]:
        return self.counters("cluster", backend.name, *names)

    def of_http(self, *names: str) -> tuple[str, ...]:
        return self.counters("http", self.prefix, *names)


Reader = Callable[["Told", str], "Word | None"]
"""(what Envoy says, the symptom's rule) -> what it makes of it."""


def addresses(backend: EnvoyBackend, most: int = 3) -> str:
    """`10.0.0.1:50051`; several with commas."""
    found = [item.address for item in backend.endpoints]
    more = f" and {backend.total - most} more" if backend.total > most else ""
    return ", ".join(found[:most]) + more


def an_address(backend: EnvoyBackend) -> str:
    """One to put into a command."""
    return backend.endpoints[0].address if backend.endpoints else "BACKEND:PORT"


def spoken_line(backend: EnvoyBackend) -> str:
    """What is spoken to a cluster, and who decided."""
    transport = f"{backend.tls} " if backend.tls else "plaintext "
    decided = backend.version_field or "no HttpProtocolOptions, so Envoy's default"
    return f"cluster {backend.name}: {transport}{backend.version} to {addresses(backend) or 'nobody'} ({decided})"


def route_line(way: EnvoyWay) -> str:
    """The route that takes a path."""
    made = f", made of {way.made_by}" if way.made_by else ""
    to = f" to {', '.join(way.clusters)}" if way.clusters else f": {way.action}"
    return f"virtual host {way.host}, route {way.route}{to}{made}"


def made_of(backend: EnvoyBackend, kind: str) -> str:
    """The object of this kind that Istio made the cluster of: `prod/greeter`; empty without one."""
    found = next((item for item in backend.made_by if item.startswith(f"{kind} ")), "")
    return found.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Cure:
    """The same change as Envoy's own configuration and as Istio's object; each where it applies."""

    envoy: Fix
    istio: tuple[Fix, ...] = field(default=())

    def fits(self, told: Told) -> tuple[Fix, ...]:
        return self.istio if told.is_istio and self.istio else (self.envoy,)
