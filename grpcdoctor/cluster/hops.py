"""The words in which every platform says what is spoken on a hop: Spoken, Tls, Decision, Upstream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from grpcdoctor.cluster.fields import FieldPath, dotted
from grpcdoctor.cluster.objects import Object
from grpcdoctor.model.report import DecidedBy


class Spoken(str, Enum):
    """What is spoken on a hop. The values are those of the report's `hops[].protocol`."""

    H2 = "h2"
    HTTP1 = "http/1.1"
    SAME = "same-as-client"
    """Whatever came in is sent on."""
    TCP = "tcp"
    """Bytes are handed on unread: whatever came in arrives."""
    TLS = "tls"
    """The client's own TLS is handed on unread."""
    UNKNOWN = "unknown"

    def after(self, incoming: Spoken) -> Spoken:
        """What really arrives, given what came in."""
        return incoming if self in (Spoken.SAME, Spoken.TCP, Spoken.TLS) else self


class Tls(str, Enum):
    """The TLS of a hop."""

    NONE = "plaintext"
    SIMPLE = "TLS"
    MUTUAL = "mTLS"
    ISTIO_MUTUAL = "Istio mTLS"
    AUTO = "auto mTLS"
    UNKNOWN = "unknown"

    @property
    def is_on(self) -> bool:
        return self not in (Tls.NONE, Tls.UNKNOWN)

    @property
    def word(self) -> str | None:
        """As the report has it: None for plaintext."""
        return None if self is Tls.NONE else self.value


@dataclass(frozen=True, slots=True)
class Decision:
    """Which object and field decided; `reason` is a whole clause: `Service a/b ports[0].name = "http" selects …`."""

    object: Object | None
    path: FieldPath
    value: str
    reason: str

    @staticmethod
    def at(item: Object, path: FieldPath, value: str, effect: str) -> Decision:
        """The usual clause: object, field, value, and what it does."""
        return Decision(item, path, value, f'{item.title} {dotted(path)} = "{value}" {effect}')

    @staticmethod
    def by_default(platform: str, effect: str) -> Decision:
        """Nothing was set, and this is what the platform does then."""
        return Decision(None, (), "", f"{platform} {effect} unless it is told otherwise")

    @property
    def decided_by(self) -> DecidedBy:
        if self.object is None:
            return DecidedBy("default", value=self.reason)
        item = self.object
        return DecidedBy(item.kind.name, item.namespace or None, item.name, dotted(self.path), self.value or "(unset)")


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a proxy speaks to a backend."""

    spoken: Spoken
    decision: Decision
    tls: Tls = Tls.UNKNOWN
    tls_decision: Decision | None = None
