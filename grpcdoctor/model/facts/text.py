"""What a pasted text or a log says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class Suspect:
    """A cause that the text points to, with the words to say it: everything that a rule needs for its finding."""

    rule: str = ""
    cause: str = ""
    """Its id in the knowledge of error texts: `hop-downgraded-to-http1`."""
    confidence: float = 0.0
    title: str = ""
    why: str = ""
    because: tuple[str, ...] = ()
    """What in the text points to it, quoted."""
    confirm: tuple[str, ...] = ()
    refute: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    """Whole commands, ready to be run."""
    fix: str = ""
    command: str | None = None
    patch: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of the text that was recognised."""

    signature: str = ""
    words: str = ""
    means: str = ""
    library: str = ""
    speaker: str = ""
    layer: str = ""
    weight: int = 0


@dataclass(frozen=True, slots=True)
class TextFacts(Facts):
    """What one text says. `suspects` are ranked, the likeliest first."""

    kind: ClassVar[str] = "text"

    suspects: tuple[Suspect, ...] = ()
    passages: tuple[Passage, ...] = ()
    signals: tuple[tuple[str, str], ...] = ()
    """(what it is, its value): gRPC status, HTTP/2 error code, response flag, elapsed time …"""
    recognised: bool = False
    """Something in it tells more than that there was an error."""
    probe_needed: bool = False
    """The text alone cannot decide."""
    splits: tuple[str, ...] = ()
    """At most two commands that tell the first suspects apart."""
    readings: tuple[str, ...] = ()
    """How it reads with other versions of a program."""
    target: str | None = None
    """The endpoint that the text names."""
    cut: bool = False
    """The text was longer than what is read."""
