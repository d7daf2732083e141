"""Text format cut into tokens: what grpcurl takes (Go's text/scanner), and what the specification has besides.

https://protobuf.dev/reference/protobuf/textformat-spec/ : comments with #, strings in either quotes and side by side,
short escapes, hexadecimal numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.json_positions import Start


class Kind(Enum):
    NAME = "a name"
    NUMBER = "a number"
    STRING = "a string"
    SIGN = "a sign"
    END = "the end of the data"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    at: int


_SKIPPED: Final = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN: Final = re.compile(
    r"""(?P<NAME>[^\W\d][\w.]*)"""
    r"""|(?P<NUMBER>0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)"""
    r"""|(?P<STRING>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<SIGN>[-:,;{}\[\]<>()/])""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\(?:([abfnrtv\\'\"?])|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u(.{4})|U(.{8})|.?)", re.DOTALL)
_SIMPLE: Final = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


class Tokens:
    """The tokens of a text, one looked at ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0
        self.next = self._read()

    def take(self) -> Token:
        taken = self.next
        self.next = self._read()
        return taken

    def accept(self, *signs: str) -> Token | None:
        """The next token if it is one of these signs."""
        return self.take() if self.next.kind is Kind.SIGN and self.next.text in signs else None

    def error(self, why: str, at: int, path: str = "", suggestions: tuple[str, ...] = ()) -> RequestError:
        place = Start().after(self.text[:at])
        return RequestError(f"{f'{path}: ' if path else ''}{why} ({place})", path, at, suggestions)

    def _read(self) -> Token:
        skipped = _SKIPPED.match(self.text, self._at)
        begin = skipped.end() if skipped else self._at
        if begin >= len(self.text):
            self._at = begin
            return Token(Kind.END, "", len(self.text))
        found = _TOKEN.match(self.text, begin)
        if found is None:
            character = self.text[begin]
            what = (
                "the string that begins here does not end" if character in "\"'" else f"invalid character {character!r}"
            )
            raise self.error(what, begin)
        self._at = found.end()
        return Token(Kind[found.lastgroup or ""], found.group(), begin)


def unquoted(token: Token) -> bytes:
    """The bytes of a string; its escapes may stand for any. Raises ValueError."""
    body = token.text[1:-1].encode("utf-8", "replace")
    return _ESCAPE.sub(_unescape, body) if b"\\" in body else body


def _unescape(found: re.Match[bytes]) -> bytes:
    simple, hexadecimal, octal, short, long = found.groups()
    if simple:
        return _SIMPLE.get(simple, simple)
    if hexadecimal or octal:
        value = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
        if value < 256:
            return bytes((value,))
    elif short or long:
        return chr(int(short or long, 16)).encode()
    raise ValueError(f"the escape {found.group().decode('utf-8', 'replace')} is none")
