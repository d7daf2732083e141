"""Style: how wide, in colour or not, in Unicode or ASCII, and how much. The same report renders in every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's terminal (or file) can show. The default suits a file or a pipe."""

    width: int = DEFAULT_WIDTH
    colour: bool = False
    unicode: bool = True
    verbose: bool = False

    @property
    def glyphs(self) -> Glyphs:
        return UNICODE if self.unicode else ASCII

    def fit(self, text: str) -> str:
        """`text` in the characters that the stream can show."""
        return text if self.unicode or text.isascii() else to_ascii(text)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The marks of the ladder and of verdicts. The ASCII ones are words, so that they need no legend either."""

    ok: str
    fail: str
    warn: str
    skipped: str
    unknown: str
    ellipsis: str


UNICODE: Final = Glyphs(ok="✓", fail="✗", warn="!", skipped="–", unknown="?", ellipsis="…")
ASCII: Final = Glyphs(ok="ok", fail="FAIL", warn="warn", skipped="-", unknown="?", ellipsis="...")

# What our own texts use; whatever a peer sent beside these is escaped instead.
_PLAIN: Final = str.maketrans(
    {"✓": "ok", "✗": "FAIL", "–": "-", "—": "--", "→": "->", "←": "<-", "·": "|", "…": "...", "×": "x", "≥": ">=",
     "≤": "<=", "§": "section ", "“": '"', "”": '"', "‘": "'", "’": "'", "±": "+/-", "µ": "u",
     "─": "-", "▶": ">", "└": "`-", "│": "|"}
)  # fmt: skip


def to_ascii(text: str) -> str:
    return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")
