"""Report: what every command prints and every format renders; its JSON form is the contract in docs/json.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpcdoctor.model.finding import BlindSpot, Evidence, Finding, Fix, Verdict
from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.model.observation import Observation
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.target import Target

SCHEMA = "grpcdoctor.report/v1"


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """Who decided a hop's protocol: an object and its field, or a negotiation on the wire (kind "ALPN")."""

    kind: str
    namespace: str | None = None
    name: str | None = None
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One leg of a request."""

    source: str
    destination: str
    protocol: str
    """"h2", "http/1.1", "tcp" or "unknown"."""
    tls: str | None = None
    """The version (`TLSv1.3`), or None for plaintext."""
    decided_by: DecidedBy | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """A root: one finding, with the findings that are its consequences folded under it."""

    root: Finding
    consequences: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """The root's, then what other witnesses add."""
    fixes: tuple[Fix, ...] = ()
    """The root's, then what would decide between it and its alternatives."""

    @property
    def code(self) -> str:
        return self.root.rule.code

    @property
    def name(self) -> str:
        return self.root.rule.name

    @property
    def severity(self) -> Severity:
        return self.root.effective_severity

    @property
    def confidence(self) -> float:
        return self.root.confidence

    @property
    def title(self) -> str:
        return self.root.message

    @property
    def explanation(self) -> str:
        return self.root.explanation

    @property
    def alternatives(self) -> tuple[str, ...]:
        return tuple(alternative.name for alternative in self.root.alternatives)


@dataclass(frozen=True, slots=True)
class Report:
    """The diagnosis of one target. `causes` is ranked, best first, and empty when healthy."""

    target: Target
    verdict: Verdict
    started_at: str
    """RFC 3339, UTC."""
    duration_ms: float
    causes: tuple[Cause, ...] = ()
    findings: tuple[Finding, ...] = ()
    """All of them, the consequences and the info ones included."""
    hops: tuple[Hop, ...] = ()
    observations: tuple[Observation, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    addresses: tuple[str, ...] = ()
    command: str = "probe"
    trace: tuple[FrameRecord, ...] = field(default=(), repr=False)

    @property
    def first_cause(self) -> Cause | None:
        return self.causes[0] if self.causes else None
