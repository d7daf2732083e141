"""Error messages among the lines of a log: counted by what they are, however many lines there are.

Lines that say the same with other numbers are one message. A message is looked at once; after that it costs a look into
a table. Memory is bounded: so many messages are kept, and the rest is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.texts.matching import matches_in
from grpcdoctor.texts.normalise import normalise
from grpcdoctor.texts.reading import read_text

LEAST_WEIGHT: Final = 40
"""A line of a log is no cry for help: what only says that some call failed is not enough."""
MOST_TEMPLATES: Final = 20_000
MOST_GROUPS: Final = 500
_MOST_LINES: Final = 60
_MOST_CHARACTERS: Final = 8_000

_VARYING: Final = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
_CONTINUES: Final = re.compile(
    r"^(?:\s+|Caused by: |Suppressed: |at [\w.$<]|\.\.\. \d+ more|Traceback |goroutine \d|"
    r"[\w.$]+(?:Exception|Error)(?:: |$))"
)
# At these levels programs tell of what they tried and got over.
_CHATTER: Final = re.compile(r"^.{0,80}?(?<![\w-])(?:TRACE|DEBUG|FINEST|FINER|FINE)(?![\w-])")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")


def continues(line: str) -> bool:
    """Whether a line goes on with the message before it, as those of a stack trace do."""
    return _CONTINUES.match(line) is not None


@dataclass(slots=True)
class Message:
    """One kind of message in a log."""

    facts: TextFacts
    example: str
    count: int = 0
    first: str = ""
    """The time stamp of the first line that has one, as written."""
    last: str = ""


@dataclass(slots=True)
class Messages:
    """Collects them, a line at a time."""

    groups: dict[tuple[str, ...], Message] = field(default_factory=dict)
    lines: int = 0
    overlooked: int = 0
    """Messages beyond what is kept."""
    _templates: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    _block: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """A line goes with the one before it where it continues it, as those of a stack trace do."""
        self.lines += 1
        if self._block and len(self._block) < _MOST_LINES and continues(line):
            self._block.append(line[:_MOST_CHARACTERS])
            return
        self.end()
        self._block = [line[:_MOST_CHARACTERS]]

    def end(self) -> None:
        """The message that was being read is whole."""
        if not self._block:
            return
        block, self._block = self._block, []
        if _CHATTER.match(block[0]):
            return
        text = "\n".join(block)[:_MOST_CHARACTERS]
        template = _VARYING.sub("#", _TIME.sub("", text))
        if template not in self._templates:
            if len(self._templates) >= MOST_TEMPLATES:
                self.overlooked += 1
                return
            self._templates[template] = self._read(text)
        key = self._templates[template]
        if key is not None:
            self._count(self.groups[key], text)

    def _read(self, text: str) -> tuple[str, ...] | None:
        """The group of a message that was not met before; None where it tells of no fault."""
        found = matches_in(normalise(text), one_of_many=True)
        if not found or found[0].signature.weight < LEAST_WEIGHT:
            return None
        facts = read_text(text)
        if not facts.suspects:
            return None
        key = (facts.suspects[0].rule, facts.passages[0].signature, facts.target or "")
        if key not in self.groups:
            if len(self.groups) >= MOST_GROUPS:
                self.overlooked += 1
                return None
            self.groups[key] = Message(facts, text)
        return key

    @staticmethod
    def _count(message: Message, text: str) -> None:
        message.count += 1
        found = _TIME.search(text)
        if found is not None:
            message.last = found[0]
            message.first = message.first or found[0]
