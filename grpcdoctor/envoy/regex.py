"""full_match: RE2's syntax in bounded time. A dump is somebody's file, and Python's own `re` can be made to hang.

A pattern is walked with the set of all positions reached so far, so nothing is tried twice; what takes too many steps,
or has syntax that is not known here, has no answer (None), which nobody may take for a match or a miss.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

LONGEST_PATTERN: Final = 4096
LONGEST_TEXT: Final = 8192
_MOST_STEPS: Final = 500_000
_DEEPEST: Final = 60
_MOST_TIMES: Final = 1000  # as RE2 itself
_COUNT: Final = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")
_GROUP: Final = re.compile(r"\?(?:P?<\w+>|([imsU]*)(-[imsU]+)?:)")
_FLAGS: Final = re.compile(r"\(\?([imsU]+)\)")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_POSIX: Final = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "0-9A-Za-z", "lower": "a-z", "upper": "A-Z",
                 "space": r"\s", "word": r"\w", "xdigit": "0-9A-Fa-f"}  # fmt: skip
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}

Positions = frozenset[int]
Node = Callable[["_Walk", Positions], Positions]
"""From the positions reached to those reached after it."""


class _Unknown(Exception):  # noqa: N818 no error: there is no answer
    """Syntax that is not known here, or too many steps."""


class _Walk:
    """One text being matched, and the steps that are left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        self._left -= steps + 1
        if self._left < 0:
            raise _Unknown


def full_match(pattern: str, text: str) -> bool | None:
    """Whether the whole text matches; None where that cannot be told."""
    if len(pattern) > LONGEST_PATTERN or len(text) > LONGEST_TEXT:
        return None
    try:
        reached = _Parser(pattern).parse()(_Walk(text), frozenset((0,)))
    except (_Unknown, re.error, RecursionError, ValueError, OverflowError):
        return None
    return len(text) in reached


class _Parser:
    """Recursive descent over the pattern; each method returns a Node."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self._flags = re.ASCII

    def parse(self) -> Node:
        found = self._alternatives()
        if self._at < len(self._pattern):
            raise _Unknown  # a bracket too many
        return found

    def _alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _either(branches)

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            flags = _FLAGS.match(self._pattern, self._at)
            if flags is not None:
                self._at = flags.end()
                self._set(flags[1])
                continue
            parts.append(self._repeated(self._atom()))
        return _in_turn(parts)

    def _repeated(self, node: Node) -> Node:
        while self._at < len(self._pattern):
            char = self._pattern[self._at]
            count = _COUNT.match(self._pattern, self._at) if char == "{" else None
            if char in "*+?":
                self._at += 1
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
            elif count is not None:
                self._at = count.end()
                least = int(count[1])
                most = least if count[2] is None else int(count[3]) if count[3] else None
            else:
                break
            self._take("?")  # lazy: the same for a full match
            if max(least, most or 0) > _MOST_TIMES:
                raise _Unknown
            node = _times(node, least, most)
        return node

    def _atom(self) -> Node:
        char = self._pattern[self._at]
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        self._at += 1
        if char == ".":
            return _one(re.compile(".", self._flags))
        if char == "^":
            return lambda walk, reached: reached & {0}
        if char == "$":
            return lambda walk, reached: reached & {len(walk.text)}
        if char == "\\":
            return self._escape()
        if char in "*+?":
            raise _Unknown  # nothing to repeat
        return _one(re.compile(re.escape(char), self._flags))

    def _group(self) -> Node:
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Unknown
        before = self._flags
        if self._pattern[self._at : self._at + 1] == "?":
            kind = _GROUP.match(self._pattern, self._at)
            if kind is None or kind[2]:
                raise _Unknown
            self._at = kind.end()
            self._set(kind[1] or "")
        found = self._alternatives()
        if not self._take(")"):
            raise _Unknown
        self._flags = before
        self._depth -= 1
        return found

    def _class(self) -> Node:
        found = _CLASS.match(self._pattern, self._at)
        if found is None:
            raise _Unknown
        self._at = found.end()
        text = re.sub(r"\[:(\w+):\]", lambda name: _POSIX.get(name[1], "\0"), found[0])
        if "[:^" in text or "\\p" in text.lower():
            raise _Unknown
        body = text[1:-1].replace("[", "\\[").replace("&&", "&\\&").replace("~~", "~\\~").replace("||", "|\\|")
        return _one(re.compile(f"[{body}]", self._flags))

    def _escape(self) -> Node:
        char = self._pattern[self._at : self._at + 1]
        self._at += 1
        if char == "A":
            return lambda walk, reached: reached & {0}
        if char == "z":
            return lambda walk, reached: reached & {len(walk.text)}
        if char in "dDwWsS" and char:
            return _one(re.compile("\\" + char, self._flags))
        if char in _ESCAPES:
            return _one(re.compile(re.escape(_ESCAPES[char])))
        if not char or char.isalnum():
            raise _Unknown  # \b, \p{…}, \x…, \Q…
        return _one(re.compile(re.escape(char)))

    def _set(self, letters: str) -> None:
        if "U" in letters or "m" in letters:
            raise _Unknown
        self._flags |= (re.IGNORECASE if "i" in letters else 0) | (re.DOTALL if "s" in letters else 0)

    def _take(self, char: str) -> bool:
        if self._pattern[self._at : self._at + 1] != char:
            return False
        self._at += 1
        return True


def _one(char: re.Pattern[str]) -> Node:
    def walk_one(walk: _Walk, reached: Positions) -> Positions:
        walk.spend(len(reached))
        return frozenset(at + 1 for at in reached if at < len(walk.text) and char.match(walk.text[at]))

    return walk_one


def _in_turn(parts: list[Node]) -> Node:
    def walk_all(walk: _Walk, reached: Positions) -> Positions:
        for part in parts:
            walk.spend(1)
            reached = part(walk, reached)
            if not reached:
                break
        return reached

    return walk_all


def _either(branches: list[Node]) -> Node:
    return lambda walk, reached: frozenset().union(*(branch(walk, reached) for branch in branches))


def _times(node: Node, least: int, most: int | None) -> Node:
    def walk_times(walk: _Walk, reached: Positions) -> Positions:
        for _ in range(least):
            walk.spend(1)
            reached = node(walk, reached)
        found, fresh, done = reached, reached, least
        while fresh and (most is None or done < most):
            walk.spend(len(fresh))
            fresh = node(walk, fresh) - found
            found |= fresh
            done += 1
        return found

    return walk_times
