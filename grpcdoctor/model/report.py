"""Report: what every command prints and every format renders; its JSON form is the contract in docs/json.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpcdoctor.model.envoy import EnvoyView
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
    """"h2", "http/1.1", "tcp", "tls" (handed on unread), "same-as-client" or "unknown"."""
    tls: str | None = None
    """The version (`TLSv1.3`) as seen on the wire, or "TLS", "mTLS" … by the objects; None for plaintext."""
    decided_by: DecidedBy | None = None
    reason: str = ""
    """A clause: `Service prod/greeter ports[0].name = "http-main" selects HTTP/1.1`."""
    problem: str | None = None
    """The rule that names what is wrong on this leg."""
    source_kind: str = ""
    """What the ends are: "client", "gateway", "service", "workload", "external" or "mesh"; empty for a wire's hop."""
    destination_kind: str = ""

    @property
    def label(self) -> str:
        """`h2, TLS`; a TLS that the objects do not tell is left out."""
        return f"{self.protocol}, {self.tls}" if self.tls and self.tls != "unknown" else self.protocol


@dataclass(frozen=True, slots=True)
class HopPath:
    """One way of a request, by the objects: from the client to the pods."""

    host: str
    route: str
    """The object and field that routes it: `VirtualService prod/greeter spec.http[0]`."""
    match: str
    """The path condition, such as `/shop.Cart/`; empty: everything."""
    hops: tuple[Hop, ...]
    is_grpc: bool = False

    @property
    def problem(self) -> str | None:
        return next((hop.problem for hop in self.hops if hop.problem), None)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an inspection looked at."""

    input: str
    """In a word, for headings: the files, or the context."""
    context: str | None = None
    files: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    host: str | None = None
    objects: int = 0


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """Whether a gRPC service that reflection lists can be reached through the routes for the probed host."""

    service: str
    route: str | None
    """None: no route takes its methods."""
    backend: str | None = None


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
    scope: Scope | None = None
    """What was inspected; None for a probe without a cluster."""
    paths: tuple[HopPath, ...] = ()
    """By the objects of a cluster, where there is one at hand."""
    service_routes: tuple[ServiceRoute, ...] = ()
    suppressed: tuple[tuple[str, int], ...] = ()
    """(rule, how many of its findings the user does not want to see)."""
    trace: tuple[FrameRecord, ...] = field(default=(), repr=False)
    envoy: EnvoyView | None = field(default=None, repr=False)
    """What an Envoy says of itself, of the command `envoy`."""

    @property
    def name(self) -> str:
        """What it is about, for headings."""
        if self.command == "probe" or self.scope is None:
            return self.target.endpoint
        return self.scope.host or self.scope.input

    @property
    def first_cause(self) -> Cause | None:
        return self.causes[0] if self.causes else None
