"""FrameLog: every frame of one connection, both ways, to whoever listens; the first of them kept for later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.limits import Limits

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

FrameListener = Callable[[str, Frame, "Headers | None"], None]


class FrameLog:
    """`kept` is what the referee replays and --save writes."""

    def __init__(self, listener: FrameListener | None, limits: Limits) -> None:
        self.kept: list[tuple[str, Frame]] = []
        self._kept_bytes = 0
        self._listener = listener
        self._limits = limits

    def note(self, direction: str, frame: Frame, headers: Headers | None = None) -> None:
        """`direction` is "sent" or "received"; `headers` are those of the block that this frame completes."""
        if self._listener is not None:
            self._listener(direction, frame, headers)
        if len(self.kept) < self._limits.frames_kept and self._kept_bytes < self._limits.bytes_kept:
            self.kept.append((direction, frame))
            self._kept_bytes += len(frame.payload)
