"""Takes off what terminals, loggers, shells and copying have put around a message.

What people paste is coloured, wrapped, quoted once or twice, wrapped in JSON, and prefixed. Signatures are written as
the program prints; so the text is brought back to that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Final

MOST_CHARACTERS: Final = 64_000
"""Of one text; what follows is not read, and the explanation says so."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\x1b?\[[0-9;]{1,8}m")
_ESCAPED = re.compile(r"\\{1,8}(?:([\"'/])|u00([0-9a-fA-F]{2})|([nrt])(?![A-Za-z_]{2,}\\))")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{2,4}|#x[0-9a-fA-F]{2,4});")
_SPACE = re.compile(r"\s+")
_QUOTES: Final = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "`": "'", "\u00a0": " ", "\u200b": ""}
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the forms that are searched."""

    flat: str
    """Unquoted, on one line, white space single, original case."""
    searched: str
    """Lower case: `flat`, and where it has underscores a second line with spaces in their place."""
    cut: bool = False
    """More was pasted than is read."""


def normalise(text: str) -> Text:
    cut = len(text) > MOST_CHARACTERS
    flat = _SPACE.sub(" ", unquote(strip_colours(text[:MOST_CHARACTERS]))).strip()
    low = flat.lower()
    # Envoy writes its response code details with underscores: remote_connection_failure.
    searched = f"{low}\n{low.replace('_', ' ')}" if "_" in low else low
    return Text(flat, searched, cut)


def strip_colours(text: str) -> str:
    return _ANSI.sub("", text) if "\x1b" in text or "[0m" in text or "[3" in text else text


def unquote(text: str) -> str:
    """JSON's, Go's and HTML's quoting undone, however often it was applied. `\\x00` stays: it is part of messages."""
    text = text.translate(_QUOTES)
    if "\\" in text:
        text = _ESCAPED.sub(_unescaped, text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: unescape(found[0]), text)
    if "%" in text and "%20" in text:
        text = text.replace("%20", " ")
    return text


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    if found[2]:
        return chr(int(found[2], 16))
    return " "
