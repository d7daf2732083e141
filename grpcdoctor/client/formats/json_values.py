"""JsonValues: cuts concatenated JSON values out of text that comes piece by piece, as Go's json.Decoder does."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from grpcdoctor.client.formats.json_positions import Start
from grpcdoctor.client.formats.json_syntax import parse, syntax_error

_NO_SPACE: Final = re.compile(r"[^ \t\n\r]")
_BRACKET: Final = re.compile(r'["{}\[\]]')
_STRING_END: Final = re.compile(r'["\\]')
# A number or a name runs to here.
_BARE_END: Final = re.compile(r'[ \t\n\r{}\[\]",:]')
_CLOSING: Final = {"{": "}", "[": "]"}


class JsonValues:
    """Feed text, take the values that are complete. No text is looked at twice, however small the pieces are."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._from = 0  # what is left of the first piece
        self._ended = False
        self._next = Start()
        self._begun: list[str] = []  # what earlier pieces hold of the value
        self._open: list[str] = []  # what closes the brackets that the value is in
        self._inside = self._bare = self._in_string = self._escaped = False
        self.start = Start()
        """Where the value begins that was taken last."""

    def feed(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)

    def end(self) -> None:
        """No more text."""
        self._ended = True

    def take(self) -> str | None:
        """The next complete value; None where more text is needed, or where none is left after `end`.

        Raises RequestError where the text is no JSON, or ends inside of a value; nothing more can be taken then. What
        is wrong inside of a value's brackets shows when that is read."""
        while self._pieces:
            piece = self._pieces[0]
            if self._inside or self._begin(piece):
                end = self._find_end(piece, self._from)
                if end is not None:
                    return self._cut(piece[self._from : end], end)
                self._begun.append(piece[self._from :])
            self._pieces.popleft()
            self._from = 0
        if not (self._ended and self._inside):
            return None
        value = self._cut("", 0)
        if value[0] in '{["':
            parse(value, self.start)  # says where it is cut off, or broken before that
        return value

    def _begin(self, piece: str) -> bool:
        """Whether a value begins in what is left of the piece."""
        found = _NO_SPACE.search(piece, self._from)
        begin = found.start() if found else len(piece)
        self._next = self._next.after(piece[self._from : begin])
        self._from = begin
        if found is None:
            return False
        if found.group() in "}],:":
            raise syntax_error(piece[begin:], "Expecting value", 0, self._next)
        self._inside = True
        self._bare = found.group() not in '{["'
        return True

    def _find_end(self, piece: str, at: int) -> int | None:
        """Behind the value's last character; None where the piece ends first."""
        while at < len(piece):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            pattern = _STRING_END if self._in_string else _BARE_END if self._bare else _BRACKET
            found = pattern.search(piece, at)
            if found is None:
                return None
            if pattern is _BARE_END:
                return found.start()
            at = found.end()
            if self._closes(found.group()):
                return at
        return None

    def _closes(self, found: str) -> bool:
        """Take note of a bracket, a quote or a backslash; whether the value ends with it."""
        if found == "\\":
            self._escaped = True
        elif found == '"':
            self._in_string = not self._in_string
            return not self._in_string and not self._open
        elif found in _CLOSING:
            self._open.append(_CLOSING[found])
        elif self._open.pop() != found:
            return True  # the wrong bracket: reading the value will tell
        return not self._open and found != "\\"

    def _cut(self, rest: str, end: int) -> str:
        value = "".join((*self._begun, rest))
        self.start, self._next = self._next, self._next.after(value)
        self._from = end
        self._begun.clear()
        self._open.clear()
        self._inside = False
        return value
