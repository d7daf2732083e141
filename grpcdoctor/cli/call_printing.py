"""Prints calls while they run: messages on stdout, all else on stderr; or one JSON object a call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.cli.errors import say, say_lines
from grpcdoctor.cli.terminal import style_of, write
from grpcdoctor.report import call_text, clean

if TYPE_CHECKING:
    from grpcdoctor.client.call_record import CallRecord
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.latency import LatencySummary
    from grpcdoctor.report.call_json import CallFrame

COMMAND: Final = "grpcdoctor call"
# Between messages in the text format, as grpcurl has it: nothing else tells where one ends.
_RECORD_SEPARATOR: Final = "\x1e\n"


class TextPrinter:
    """Each message as soon as it is there, flushed: somebody may be waiting for it in a pipe."""

    keeps_messages = False

    def __init__(self, frame: CallFrame, format_name: str, verbose: bool, colour: bool) -> None:
        self.several = False
        """More than one call is made."""
        self._frame = frame
        self._separator = _RECORD_SEPARATOR if format_name == "text" else ""
        self._clean = clean.block if format_name == "text" else clean.json_text
        self._verbose = verbose
        self._colour = colour and format_name == "json" and style_of(sys.stdout).colour
        self._unicode = style_of(sys.stderr)
        self._printed = 0
        self._connection: ConnectionFacts | None = None

    def connected(self, facts: ConnectionFacts | None) -> None:
        """Told once for each connection."""
        if facts is not None and facts != self._connection:
            self._connection = facts
            self._note(call_text.connection_lines(facts))

    def started(self, record: CallRecord) -> None:
        self._note([f"{call_text.NOTE}{clean.visible(record.method)}, {record.kind}"])
        self._note(call_text.header_lines(call_text.SENT, self._frame.headers(record.sent_headers)))

    def headers(self, record: CallRecord) -> None:
        self._note(call_text.header_lines(call_text.RECEIVED, self._frame.headers(record.headers)))

    def message(self, record: CallRecord, text: str, size: int) -> None:
        self._note([f"{call_text.RECEIVED}message {record.responses.count}: {call_text.size(size)}"])
        text = self._clean(text)
        if self._colour:
            from grpcdoctor.report.json_colours import painted

            text = painted(text)
        separator = self._separator if self._printed else ""
        self._printed += 1
        write(f"{separator}{text}\n")

    def ended(self, record: CallRecord, interrupted: bool = False) -> None:
        """Whoever interrupts a call knows why it ended."""
        self._note(call_text.header_lines(call_text.RECEIVED, self._frame.headers(record.trailers)))
        self._note([call_text.ending_line(record)])
        if record.status is not None and not record.status.ok and not interrupted:
            words = self._frame.words(record.status.message)
            lines = call_text.status_lines(record.status, words, record.details)
            self._failed([f"{COMMAND}: {lines[0]}", *lines[1:]])

    def _failed(self, lines: list[str]) -> None:
        say_lines(self._unicode.fit(line) for line in lines)

    def retrying(self, why: str, number: int, of: int, pause: float) -> None:
        say(f"{COMMAND}: {clean.line(why)}; try {number} of {of} in {pause:.1f} s")

    def latency(self, summary: LatencySummary) -> None:
        say_lines(call_text.latency_lines(summary))

    def result(self, call: dict[str, Any]) -> None:
        """Everything is said already."""

    def _note(self, lines: Sequence[str]) -> None:
        if self._verbose:
            say_lines(self._unicode.fit(line) for line in lines)


class JsonPrinter(TextPrinter):
    """One object for each call, when it is over; what there is to say meanwhile goes to stderr with -v."""

    keeps_messages = True

    def __init__(self, frame: CallFrame, verbose: bool) -> None:
        super().__init__(frame, "json", verbose, colour=False)

    def message(self, record: CallRecord, text: str, size: int) -> None:
        self._note([f"{call_text.RECEIVED}message {record.responses.count}: {call_text.size(size)}"])

    def _failed(self, lines: list[str]) -> None:
        """The object has the rest."""
        super()._failed(lines[:1])

    def latency(self, summary: LatencySummary) -> None:
        from grpcdoctor.report.call_json import dump, latency_json

        write(dump(latency_json(summary), one_line=True))

    def result(self, call: dict[str, Any]) -> None:
        from grpcdoctor.report.call_json import dump

        write(dump(call, one_line=self.several))
