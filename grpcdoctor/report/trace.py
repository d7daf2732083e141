"""--trace: every frame in one line, decoded, with its time, its connection and its direction."""

from __future__ import annotations

from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.report import clean
from grpcdoctor.report.style import Style

_ARROWS = {"sent": "→", "received": "←"}


def trace_line(frame: FrameRecord, style: Style) -> str:
    """`   12.3 ms  #1 → HEADERS  stream 1  END_HEADERS  114 bytes  :method POST …`."""
    flags = "+".join(frame.flags)
    parts = [f"stream {frame.stream_id}", flags, f"{frame.length} bytes", clean.line(frame.detail)]
    arrow = _ARROWS.get(frame.direction, frame.direction)
    head = f"{frame.at_ms:9.1f} ms  #{frame.connection} {arrow} {clean.line(frame.type):<13}"
    return style.fit("  ".join([head, *(part for part in parts if part)])) + "\n"
