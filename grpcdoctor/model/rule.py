"""Rule: a check's identity. Severity: how much a finding hurts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Severity(str, Enum):
    """By effect. ERROR: calls fail. WARNING: some calls or streams fail, or they will. INFO: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Layer(IntEnum):
    """Lower layers explain upper ones. The value is the hundred of the rules' codes."""

    REACH = 1
    TLS = 2
    HTTP2 = 3
    GRPC = 4
    SERVICES = 5
    GATEWAYS = 6
    POLICIES = 7
    PROXYLESS = 8
    DATA_PLANE = 9

    @property
    def title(self) -> str:
        return _TITLES[self]


_TITLES = {
    Layer.REACH: "reach",
    Layer.TLS: "TLS",
    Layer.HTTP2: "HTTP/2",
    Layer.GRPC: "gRPC",
    Layer.SERVICES: "Services and workloads",
    Layer.GATEWAYS: "gateways and routes",
    Layer.POLICIES: "policies",
    Layer.PROXYLESS: "proxyless and xDS",
    Layer.DATA_PLANE: "data plane",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Code and name never change once published: scripts depend on them."""

    code: str
    name: str
    severity: Severity
    """The usual one; a finding may carry a milder one where less was seen."""
    title: str
    """A few words, lower case, no full stop: what is wrong."""
    explains: tuple[str, ...] = ()
    """Names of rules whose findings are consequences of this one and are folded under it."""

    @property
    def layer(self) -> Layer:
        return Layer(int(self.code[2]))
