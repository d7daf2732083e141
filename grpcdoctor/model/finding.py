"""Finding: one conclusion of a check, with what was seen and what to change. BlindSpot: what could not be seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from grpcdoctor.model.rule import Rule, Severity


class Source(str, Enum):
    """Which witness the evidence comes from."""

    WIRE = "wire"
    CLUSTER = "cluster"
    ENVOY = "envoy"
    LOG = "log"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen. `ref` says where: a probe, a frame, an object, a file and line."""

    detail: str
    source: Source = Source.WIRE
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a JSON Patch (RFC 6902)."""

    op: str
    """"add", "replace" or "remove"."""
    path: str
    """A JSON Pointer (RFC 6901)."""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix does to one Kubernetes object, for programs: a JSON Patch, or a new object, or its end."""

    api_version: str
    kind: str
    namespace: str
    name: str
    operations: tuple[Operation, ...] = ()
    create: dict[str, Any] | None = None
    """The whole new object."""
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """One change that cures. `command` is for a shell, `patch` for a file; at most one of the two."""

    summary: str
    command: str | None = None
    patch: str | None = None
    changes: tuple[Change, ...] = ()
    """The same change for programs, where it is one of Kubernetes objects."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: an endpoint on the network, or an object and field in a cluster."""

    endpoint: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    field: str | None = None
    file: str | None = None
    line: int | None = None
    text: str | None = None
    """That line of the file."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another cause with the same symptom, and what would decide."""

    name: str
    """A rule's name."""
    why: str
    decide: str | None = None
    """The command (or the look) that tells the two apart."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Without evidence there is no finding: the constructor refuses an empty tuple."""

    rule: Rule
    message: str
    """One sentence: what is wrong here."""
    evidence: tuple[Evidence, ...]
    explanation: str = ""
    """Why that breaks gRPC, in two or three sentences."""
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None
    """None: the rule's own."""
    confidence: float = 1.0
    """1.0 only for what was seen; less where the symptom has other causes too."""
    alternatives: tuple[Alternative, ...] = ()
    subject: Subject | None = None
    """None: the endpoint of the run."""
    related: tuple[str, ...] = ()
    """Other objects that it is about, as `Kind namespace/name`: findings about one object may have one cause."""
    cause_id: str | None = None
    """Where a text points to it: what the knowledge of error texts calls the cause."""

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"{self.rule.name}: a finding needs evidence")

    @property
    def effective_severity(self) -> Severity:
        return self.severity or self.rule.severity


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """What could not be looked at, and why; it keeps a verdict from being green."""

    what: str
    why: str
    decide: str | None = None
    """The command that would show it."""
    blocks_verdict: bool = True
    """False: worth saying, yet the verdict stands without it."""


Conclusion = Finding | BlindSpot


class Verdict(str, Enum):
    """Of one report. Exit codes 0, 0 or 1, 1, 3."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
