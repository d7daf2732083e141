"""JSON in colour, for a terminal."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*')
_KEY: Final = "\x1b[36m"
_STRING: Final = "\x1b[32m"
_OTHER: Final = "\x1b[33m"
_END: Final = "\x1b[0m"


def painted(text: str) -> str:
    """Keys, strings, and numbers or words. Nothing but colours is added."""

    def paint(match: re.Match[str]) -> str:
        string, colon = match[1], match[2]
        if colon is not None:
            return f"{_KEY}{string}{_END}{colon}"
        return f"{_STRING if string is not None else _OTHER}{match[0]}{_END}"

    return _TOKEN.sub(paint, text)
