"""What a peer sent is shown, never obeyed: control characters, terminal escapes and bidi overrides become visible."""

from __future__ import annotations

import re
from typing import Final

# C0 and C1 controls (ESC and CSI among them), line separators, bidi controls (CVE-2021-42574), lone surrogates.
_UNSAFE: Final = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_LINE: Final = re.compile(f"[\x00-\x1f{_UNSAFE}]")
_IN_BLOCK: Final = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSAFE}]")
_IN_JSON: Final = re.compile(f"[{_UNSAFE}]")
_SPACES: Final = re.compile(r"[ \t\r\n]+")


def line(text: str) -> str:
    """One line of prose: runs of white space become one space, everything dangerous an escape."""
    return visible(_SPACES.sub(" ", text).strip(" "))


def visible(text: str) -> str:
    """The same text with every control character as an escape, line breaks too."""
    return _IN_LINE.sub(_escape, text)


def block(text: str) -> str:
    """Several lines (a patch): line breaks and tabs stay."""
    return _IN_BLOCK.sub(_escape, text)


def json_text(text: str) -> str:
    """JSON whose strings hold no character that acts on a terminal or splits a line of NDJSON."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
