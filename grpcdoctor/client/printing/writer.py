"""Text with the spaces between words that protoprint writes: one is owed after a word, and dropped before ; and ,."""

from __future__ import annotations

from typing import Final

INDENT: Final = "  "


class Writer:
    """`owes_space`: the last word wants one before the next. `at_line_start`: nothing stands on this line."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.owes_space = False
        self.at_line_start = True

    def write(self, text: str) -> None:
        """A space at the end of `text` is owed, not written."""
        if not text:
            return
        if self.owes_space and text[0] not in ";,":
            self._parts.append(" ")
        self.owes_space = text.endswith(" ")
        kept = text[:-1] if self.owes_space else text
        self.at_line_start = kept.endswith("\n")
        self._parts.append(kept)

    def line(self, text: str = "") -> None:
        """`text` and the end of the line."""
        self.write(text + "\n")

    def indent(self, depth: int) -> None:
        """Nothing where `depth` is that of inline text."""
        for _ in range(depth):
            self.write(INDENT)

    def aside(self) -> Writer:
        """An empty one in the same state, to try something out."""
        other = Writer()
        other.owes_space = self.owes_space
        other.at_line_start = self.at_line_start
        return other

    def take(self, other: Writer) -> None:
        """What was tried out is kept."""
        text = other.text()
        self.owes_space = False  # `other` has written it
        self.write(text)
        self.owes_space = other.owes_space
        self.at_line_start = other.at_line_start

    def text(self) -> str:
        return "".join(self._parts)


def inline(depth: int) -> int:
    """The depth of what stands within a line: negative; what wraps all the same goes two steps further in."""
    return depth if depth < 0 else -depth - 2
