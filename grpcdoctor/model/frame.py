"""FrameRecord: one HTTP/2 frame (or TLS step) as the tap saw it, for --trace and --save."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """`at_ms` counts from the start of the run; `connection` numbers the connections of the run from 1."""

    at_ms: float
    connection: int
    direction: str
    """"sent" or "received"."""
    type: str
    stream_id: int
    flags: tuple[str, ...]
    length: int
    detail: str
    """The payload in words: settings, header list (secrets redacted), error code, debug data."""
