"""What a port really speaks, told from its first bytes: sniff before you speak."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.model.redact import redact_text

if TYPE_CHECKING:
    from grpcdoctor.model.facts.http2 import FirstBytes

KEPT: Final = 64
_SETTINGS_FRAME: Final = 4
_SETTINGS_LENGTH_LIMIT: Final = 6 * 64  # no server sends more than a few dozen settings
_TEXT: Final = b"\t\r\n" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# HTTP/0.9: a web server that cannot read the request line sends its error page alone (Python's http.server).
_BARE_PAGE: Final = rb"<(!doctype\s+html|html)\b"
# Frame types that a confused peer may open with (RFC 9113 §6); the first ought to be SETTINGS.
_OTHER_FIRST_FRAMES: Final = frozenset((6, 7, 8))


class Heard(NamedTuple):
    """What came first on a connection, and how the wait for it ended: neither late nor reset means enough of it, or the
    end. A client that only makes a call looks at no more than this; `facts` is for who tells of it."""

    data: bytes = b""
    late: bool = False
    reset: bool = False
    duration_ms: float = 0.0

    @property
    def spoken(self) -> str:
        """As FirstBytes.spoken."""
        if self.data:
            return spoken_by(self.data)
        return "nothing" if self.late else "closed"

    def facts(self) -> FirstBytes:
        from grpcdoctor.model.facts.http2 import FirstBytes

        if self.data:
            return first_bytes_of(self.data, self.duration_ms)
        return FirstBytes(self.spoken, reset=self.reset, duration_ms=self.duration_ms)


def spoken_by(data: bytes) -> str:
    """ "h2", "http/1.1", "tls", "ssh" or "garbage"."""
    if data.startswith((b"HTTP/1.", b"HTTP/0.")) or _is_bare_page(data):
        return "http/1.1"
    if data.startswith(b"SSH-"):
        return "ssh"
    if len(data) >= 2 and data[0] in (21, 22) and data[1] == 3:
        return "tls"
    if _looks_like_http2(data):
        return "h2"
    return "garbage"


def _is_bare_page(data: bytes) -> bool:
    begun = data.lstrip()
    return begun.startswith(b"<") and re.match(_BARE_PAGE, begun, re.IGNORECASE) is not None


def _looks_like_http2(data: bytes) -> bool:
    if len(data) < 9 or data[5:9] != b"\0\0\0\0":
        return False
    length = int.from_bytes(data[:3], "big")
    if data[3] == _SETTINGS_FRAME:
        return data[4] in (0, 1) and length % 6 == 0 and length <= _SETTINGS_LENGTH_LIMIT
    return data[3] in _OTHER_FIRST_FRAMES and length < 256


def enough_to_tell(data: bytes) -> bool:
    """Whether more bytes could no longer change the answer: HTTP/2 needs a frame header, text its first line."""
    return len(data) >= KEPT or (len(data) >= 9 and not data.startswith((b"HTTP", b"SSH-")))


def first_bytes_of(data: bytes, duration_ms: float) -> FirstBytes:
    """The facts about the bytes that came first; `data` is not empty."""
    from grpcdoctor.model.facts.http2 import FirstBytes

    spoken = spoken_by(data)
    line = data[:256].split(b"\n", 1)[0].rstrip(b"\r")
    text = redact_text(line.decode("utf-8", "replace")) if line and not line.translate(None, _TEXT) else None
    alert = data[6] if spoken == "tls" and data[0] == 21 and len(data) >= 7 else None
    return FirstBytes(spoken, data[:KEPT].hex(), text, alert, False, duration_ms)
