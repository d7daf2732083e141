"""Explain a pasted error, a log, or Envoy's access log."""

from __future__ import annotations

import sys
from typing import Any

import click

from grpcdoctor.cli.explaining import Asked, explain, list_signatures
from grpcdoctor.cli.output import FailOn, output_options
from grpcdoctor.cli.terminal import style_of
from grpcdoctor.report.formats import Format


@click.command(
    epilog="""Exit codes: 0 nothing found, 1 the text tells of a fault, 2 usage, 3 not recognised, 130 interrupted."""
)
@click.argument("text", nargs=-1)
@click.option("--target", metavar="HOST[:PORT]", help="The endpoint that the text is about; else the one it names.")
@click.option("--run", is_flag=True, help="Run the probes that tell the causes apart, and answer.")
@click.option("--since", metavar="TIME", help="Of a log, only lines since then: 10m, 1h30m, or 2026-01-31T12:00:00Z.")
@click.option("--host", metavar="NAME", help="Of a log, only this authority, server name or Service.")
@click.option("--path", metavar="PATH", help="Of a log, only this path, those below it, or those like it (with *).")
@click.option("--list", "listed", is_flag=True, help="List all signatures: what is recognised.")
@output_options
def command(
    text: tuple[str, ...], listed: bool, output: Format, fail_on: str, verbose: bool, no_color: bool, **given: Any
) -> int:
    """Say what a TEXT means, what causes it, what would confirm it, and how to fix it. TEXT is the error itself,
    files, or - for standard input.

    \b
      grpcdoctor explain 'rpc error: code = Unavailable desc = error reading server preface: EOF'
      kubectl logs deploy/greeter -c istio-proxy | grpcdoctor explain -
      grpcdoctor explain access.log.gz
    """
    if listed:
        list_signatures(output.name, colour=not no_color)
        return 0
    asked = Asked(text, **given)
    return explain(asked, output, style_of(sys.stdout, colour=not no_color, verbose=verbose), FailOn(fail_on))
