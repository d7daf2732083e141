"""Reads what `explain` is to explain, and prints the report."""

from __future__ import annotations

import glob
import io
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.options import Network, network_options
from grpcdoctor.cli.output import FailOn, exit_code
from grpcdoctor.cli.probing import report_of
from grpcdoctor.cli.targets import read_targets
from grpcdoctor.cli.terminal import is_terminal, standard_input, style_of, write
from grpcdoctor.cli.words import MethodName
from grpcdoctor.model.report import Report
from grpcdoctor.report.formats import Format
from grpcdoctor.report.style import Style

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.explain_log import LogExplainer
    from grpcdoctor.texts.access_log import LogFilter, LogReader

_LONGEST_NAME: Final = 4096
# A word of its own that nobody would paste: a path that starts at a folder, or the name of a log.
_FILE_NAME: Final = re.compile(r"(?:\.{0,2}|~)/\S+|\S+\.(?:log|txt|gz|zst|json|out|err)(?:\.\d{1,3})?")

TEXT_LINES: Final = 60
"""What is no longer is one text; beyond, it is a log, and its lines are counted."""
MOST_TEXT_LINES: Final = 400
"""Of one stack trace, however deep."""
TICK_SECONDS: Final = 1.0
_CLEAR_SCREEN: Final = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks to be explained."""

    words: tuple[str, ...]
    """The text itself, or files, or `-`."""
    target: str | None = None
    run: bool = False
    since: str | None = None
    host: str | None = None
    path: str | None = None

    @property
    def filters(self) -> bool:
        return bool(self.since or self.host or self.path)


def explain(asked: Asked, output: Format, style: Style, fail_on: FailOn) -> int:
    """Read, judge, print; with --run also probe."""
    report = _explained(asked, output, style)
    if asked.run:
        report = _answered(report)
    write(output.render(report, style))
    return exit_code(report, fail_on)


def _explained(asked: Asked, output: Format, style: Style) -> Report:
    """The report on the text that the command line holds, or on the files or the pipe that it names."""
    from grpcdoctor.diagnosis.explain import explain as explained

    words = asked.words
    if words and list(words) != ["-"] and not all(map(_exists, words)):
        if asked.filters:
            raise click.UsageError("--since, --host and --path are for logs; name a file, or - for standard input")
        if len(words) == 1 and _FILE_NAME.fullmatch(words[0]):
            raise click.UsageError(f"{words[0]}: no such file (a text is given in quotes, or as - on standard input)")
        return explained(" ".join(words), asked.target)
    if not words or "-" in words:
        _check_piped(words)
    from grpcdoctor.texts.access_log import UnreadableLogError

    try:
        return _of_lines(asked, output, style)
    except UnreadableLogError as wrong:
        raise click.UsageError(str(wrong)) from wrong


def _exists(word: str) -> bool:
    return word == "-" or (len(word) < _LONGEST_NAME and (os.path.exists(word) or bool(glob.glob(word))))


def _check_piped(words: Sequence[str]) -> None:
    """Raises click.UsageError where nothing is given, and says what to do where a terminal is to be read."""
    if is_terminal(sys.stdin):
        if not words:
            raise click.UsageError("give the text in quotes, a file, or - for standard input")
        say("grpcdoctor explain: paste the text, then press Ctrl-D")


def _of_lines(asked: Asked, output: Format, style: Style) -> Report:
    """A short text as one, anything longer as a log; what a pipe has said so far is shown on a terminal."""
    from grpcdoctor.diagnosis.explain import explain as explained
    from grpcdoctor.diagnosis.explain_log import LogExplainer, is_log, is_trace
    from grpcdoctor.texts.access_log import LogReader

    stdin = standard_input()
    reader = LogReader(asked.words or ("-",), stdin)
    log = LogExplainer(_filter(asked, reader), asked.target, name=", ".join(asked.words) or "-")
    kept: list[str] = []
    waiting: list[str] = []
    piped = reader.files == ["-"] and not isinstance(stdin, io.BytesIO)
    screen = _Screen(output, style, piped and not is_terminal(sys.stdin))
    try:
        for batch in reader.follow(TICK_SECONDS) if piped else reader.batches():
            kept += batch[: max(0, MOST_TEXT_LINES + 1 - len(kept))]
            waiting += batch
            if len(kept) > TEXT_LINES:
                log.add(waiting)
                waiting = []
                screen.show(log)
    except KeyboardInterrupt:
        if not piped:
            raise
        # It is how a running pipe is ended: what was read until then is told.
    screen.clear()
    counted = asked.filters or is_log(kept) or len(kept) > MOST_TEXT_LINES
    text = None if counted else explained("\n".join(kept), asked.target)
    if text is not None and (len(kept) <= TEXT_LINES or is_trace(kept)):
        return _with_notes(text, reader)
    log.add(waiting)
    report = log.report(reader.notes)
    return _with_notes(text, reader) if text is not None and text.causes and not report.causes else report


def _with_notes(text: Report, reader: LogReader) -> Report:
    """What of the files could not be read is said beside the explanation."""
    from grpcdoctor.diagnosis.explain_log import unread

    return replace(text, blind_spots=(*text.blind_spots, *unread(reader.notes)))


def _filter(asked: Asked, reader: LogReader) -> LogFilter:
    """Raises click.UsageError for a --since that is no time."""
    from grpcdoctor.texts.access_log import LogFilter, parse_since

    since = None
    if asked.since is not None:
        try:
            since = parse_since(asked.since, now=time.time(), newest=reader.newest_time()).time
        except ValueError as wrong:
            raise click.UsageError(f"--since: {wrong}") from wrong
    return LogFilter(since, asked.host or "", asked.path or "")


class _Screen:
    """What a pipe has said so far, drawn anew every second; only on a terminal, and only as text."""

    def __init__(self, output: Format, style: Style, running: bool) -> None:
        self._output, self._style = output, style
        self._enabled = running and is_terminal(sys.stdout) and output.name == "text"
        self._shown = 0.0
        self._lines = -1

    def show(self, log: LogExplainer) -> None:
        at = time.monotonic()
        if not self._enabled or at - self._shown < TICK_SECONDS or log.lines <= max(self._lines, TEXT_LINES):
            return
        self._shown, self._lines = at, log.lines
        page = self._output.render(log.report(), self._style).split("\n")
        write(_CLEAR_SCREEN + "\n".join(page[: max(1, shutil.get_terminal_size().lines - 1)]))

    def clear(self) -> None:
        if self._shown:
            write(_CLEAR_SCREEN)


def _answered(report: Report) -> Report:
    """The explanation after the probes that tell its suspects apart."""
    from grpcdoctor.diagnosis.explain_run import Ran, answered, no_target, runnable
    from grpcdoctor.model.facts.text import TextFacts
    from grpcdoctor.model.observation import Observations

    facts = Observations(report.observations).get(TextFacts)
    commands = runnable(facts) if facts is not None else ()
    if not commands:
        return no_target(report)
    return answered(report, [Ran(command, _probe(command)) for command in commands])


def _probe(command: str) -> Report:
    """Run one of the commands that an explanation suggests: `grpcdoctor probe …`."""
    report: Report = _probe_line.main(shlex.split(command)[2:], standalone_mode=False)
    return report


@click.command(add_help_option=False)
@click.argument("target")
@click.option("--count", type=int, default=1)
@click.option("--call", type=MethodName())
@network_options
def _probe_line(target: str, network: Network, **more: Any) -> Report:
    """What `grpcdoctor probe` does with these words, without printing."""
    (parsed,) = read_targets([target], None, network.plaintext)
    network.check([parsed])
    return report_of(network.apply(parsed), network.probe_options(**more))


def list_signatures(output: str, colour: bool) -> None:
    """Every signature, by library, with the likeliest cause."""
    from grpcdoctor.texts.signature import Signature, signatures

    def as_json(signature: Signature) -> dict[str, Any]:
        return {
            "id": signature.id,
            "library": signature.library,
            "speaker": signature.speaker,
            "layer": signature.layer,
            "says": [says.text for says in signature.says],
            "means": signature.means,
            "weight": signature.weight,
            "causes": [rule for rule, _ in signature.causes],
            "check": signature.check,
            "examples": list(signature.examples),
        }

    if output == "json":
        write(json.dumps([as_json(signature) for signature in signatures()], indent=2, ensure_ascii=False) + "\n")
        return
    from grpcdoctor.report.layout import Page

    page = Page(style_of(sys.stdout, colour=colour))
    library = ""
    for signature in signatures():
        if signature.library != library:
            library = signature.library
            page.blank()
            page.line((library, "strong"))
        page.prose("", [(signature.says[0].text, "code"), ("  ", ""), (signature.means, "")], indent=2)
        page.prose("", [(", ".join(rule for rule, _ in signature.causes), "dim")], indent=4)
    page.blank()
    page.line((f"{len(signatures())} signatures", "strong"))
    write(page.text())
