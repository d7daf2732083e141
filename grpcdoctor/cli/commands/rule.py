"""Explain a rule: what it means, how to confirm, how to fix."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import click

from grpcdoctor.cli.terminal import is_terminal, style_of, write

if TYPE_CHECKING:
    from grpcdoctor.model.rule import Rule


@click.command()
@click.argument("rule", metavar="[NAME|CODE]", required=False)
@click.option("--list", "listed", is_flag=True, help="List all rules by layer.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
def command(rule: str | None, listed: bool, output: str, no_color: bool) -> int:
    """Print the page of the rule NAME or CODE.

    \b
      grpcdoctor rule alpn-missing
      grpcdoctor rule GD204
      grpcdoctor rule --list
    """
    if (rule is None) == (not listed):
        raise click.UsageError("name one rule, such as alpn-missing or GD204, or write --list for all of them")
    if listed:
        _print_list(output, colour=not no_color)
    else:
        _print_page(_find(rule or ""), output, colour=not no_color)
    return 0


def _find(word: str) -> Rule:
    from grpcdoctor.diagnosis.registry import find_rule
    from grpcdoctor.diagnosis.rule_words import unknown

    found = find_rule(word)
    if found is None:
        raise click.UsageError(unknown(word))
    return found


def _print_page(rule: Rule, output: str, colour: bool) -> None:
    text = (files("grpcdoctor") / "pages" / f"{rule.name}.md").read_text(encoding="utf-8")
    if output == "json":
        write(json.dumps({**_as_json(rule), "page": text}, indent=2) + "\n")
    elif is_terminal(sys.stdout):
        write(_rendered(text, colour))
    else:
        write(style_of(sys.stdout).fit(text))


def _rendered(text: str, colour: bool) -> str:
    """For reading at a terminal: laid out, and without the examples, which are the rule's tests."""
    from io import StringIO

    from rich.console import Console
    from rich.markdown import Markdown

    style = style_of(sys.stdout, colour=colour)
    page = text.partition("\n## Examples\n")[0]
    out = StringIO()
    console = Console(
        file=out,
        width=style.width,
        force_terminal=style.colour,
        color_system="standard" if style.colour else None,
        legacy_windows=False,
    )
    console.print(Markdown(page, hyperlinks=False))
    return style.fit("\n".join(line.rstrip() for line in out.getvalue().split("\n")))


def _print_list(output: str, colour: bool) -> None:
    from grpcdoctor.diagnosis.registry import rules

    ordered = sorted(rules().values(), key=lambda rule: rule.code)
    if output == "json":
        write(json.dumps([_as_json(rule) for rule in ordered], indent=2) + "\n")
        return
    write(_table(ordered, colour))


def _table(ordered: list[Rule], colour: bool) -> str:
    """Code, name, severity, title, under a heading for each layer; a long title goes on below itself."""
    from grpcdoctor.report.layout import Page, Span
    from grpcdoctor.report.marks import ROLE_OF_SEVERITY

    page = Page(style_of(sys.stdout, colour=colour))
    names = max((len(rule.name) for rule in ordered), default=0)
    layer = None
    for rule in ordered:
        if rule.layer is not layer:
            layer = rule.layer
            page.blank()
            page.line((layer.title, "strong"))
        head: list[Span] = [("  ", ""), (rule.code, "dim"), ("  " + rule.name.ljust(names) + "  ", ""),
                (rule.severity.value.ljust(7), ROLE_OF_SEVERITY[rule.severity])]  # fmt: skip
        page.columns(head, rule.title)
    return page.text()


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "title": rule.title,
        "layer": rule.layer.title,
        "explains": list(rule.explains),
    }
