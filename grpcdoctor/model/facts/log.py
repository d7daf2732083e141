"""What a log says: requests and messages counted, in groups that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.facts.text import Suspect
from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class LogGroup:
    """Lines that say the same. Times are RFC 3339, empty where no line has one."""

    kind: str = "requests"
    """"requests" of an access log, or "messages"."""
    outcome: str = ""
    """Of requests: "ok", "client-left", "application-error" or "proxy-fault"."""
    count: int = 0
    share: float = 0.0
    """Of all requests (of all lines, for messages), 0 to 1."""
    path: str = ""
    authority: str = ""
    upstream_cluster: str = ""
    route: str = ""
    flags: tuple[str, ...] = ()
    details: str = ""
    response_code: int | None = None
    grpc_status: str = ""
    p50_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    longest_ms: float | None = None
    first: str = ""
    last: str = ""
    over_time: tuple[int, ...] = ()
    """Lines in each slot of the log's time."""
    cut_at: tuple[tuple[float, int], ...] = ()
    """(seconds, how many ended just then): round figures at which durations cluster."""
    transport_failures: tuple[tuple[str, int], ...] = ()
    upstream_hosts: tuple[tuple[str, int], ...] = ()
    said_by: str = ""
    """Of messages: the library whose words they are."""
    example: str = ""
    suspects: tuple[Suspect, ...] = ()
    """What it points to, the likeliest first; empty where it is no fault."""


@dataclass(frozen=True, slots=True)
class LogFacts(Facts):
    """One log, or several read as one."""

    kind: ClassVar[str] = "log"

    lines: int = 0
    garbled: int = 0
    """Lines that are no text."""
    requests: int = 0
    outcomes: tuple[tuple[str, int], ...] = ()
    """(outcome, how many requests)."""
    first: str = ""
    last: str = ""
    slot_seconds: int = 0
    """The width of a slot of `over_time`."""
    over_time: tuple[int, ...] = ()
    """Requests in each slot."""
    faults_over_time: tuple[int, ...] = ()
    grpc: int = 0
    """Requests for gRPC methods, by their paths."""
    grpc_over_http1: int = 0
    groups: tuple[LogGroup, ...] = ()
    """Those that tell of a fault or of an error, the largest first."""
    folded: int = 0
    """Requests that are told by flags and status alone, for there were too many kinds."""
    left_out: int = 0
    """Lines that --since, --host and --path kept out."""
    notes: tuple[str, ...] = ()
    """What was not read as it stands."""
