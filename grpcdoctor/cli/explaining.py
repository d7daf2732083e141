"""Reads what `explain` is to explain, and prints the report."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.options import Network, network_options
from grpcdoctor.cli.output import FailOn, exit_code
from grpcdoctor.cli.probing import report_of
from grpcdoctor.cli.targets import read_targets
from grpcdoctor.cli.terminal import is_terminal, style_of, write
from grpcdoctor.model.report import Report
from grpcdoctor.report.formats import Format
from grpcdoctor.report.style import Style


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks to be explained."""

    words: tuple[str, ...]
    """The text itself, or files, or `-`."""
    target: str | None = None
    run: bool = False


def explain(asked: Asked, output: Format, style: Style, fail_on: FailOn) -> int:
    """Read, judge, print; with --run also probe."""
    from grpcdoctor.diagnosis.explain import explain as explained

    report = explained(_text_of(asked.words), asked.target)
    if asked.run:
        report = _answered(report)
    write(output.render(report, style))
    return exit_code(report, fail_on)


def _text_of(words: Sequence[str]) -> str:
    """The text. Raises click.UsageError where there is nothing to read."""
    if words and list(words) != ["-"]:
        return " ".join(words)
    if is_terminal(sys.stdin):
        if not words:
            raise click.UsageError("give the text in quotes, a file, or - for standard input")
        say("grpcdoctor explain: paste the text, then press Ctrl-D")
    return sys.stdin.read()


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
