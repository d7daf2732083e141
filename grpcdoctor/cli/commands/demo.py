"""Diagnose a gateway that is broken on purpose, on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.cli.output import FormatName
from grpcdoctor.cli.terminal import style_of, write

if TYPE_CHECKING:
    from grpcdoctor.demo.perform import Performance
    from grpcdoctor.demo.scenario import Scenario
    from grpcdoctor.model.report import Report
    from grpcdoctor.report.formats import Format
    from grpcdoctor.report.style import Style


@click.command(
    epilog="Exit codes: 0 the diagnosis names what the scenario has broken, 1 it does not, 2 usage, 130 interrupted."
)
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="List the scenarios.")
@click.option("--keep", is_flag=True, help="Leave it running until Ctrl-C, to try other tools on it.")
@click.option(
    "-o",
    "--output",
    type=FormatName(),
    default="text",
    show_default=True,
    help="The format of the report; the words around it go to stderr then.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also what is merely worth knowing, and all that was observed.")
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
def command(scenario: str | None, listed: bool, keep: bool, output: Format, verbose: bool, no_color: bool) -> int:
    """Start a gateway or server on loopback that is broken as SCENARIO says, diagnose it, and stop it.

    It needs no network. The diagnosis is the one that `probe` makes, and knows the endpoint only.

    \b
      grpcdoctor demo
      grpcdoctor demo http1-backend
      grpcdoctor demo trailers-missing --keep
    """
    style = style_of(sys.stdout, colour=not no_color, verbose=verbose)
    if listed:
        if scenario is not None:
            raise click.UsageError("--list shows all scenarios; leave out SCENARIO")
        _print_list(style)
        return ExitCode.OK
    from grpcdoctor.cli.running import run_interruptible

    return run_interruptible(_Demo(_find(scenario), output, style, keep).run())


def _find(name: str | None) -> Scenario:
    from grpcdoctor.demo.scenario import DEFAULT, find_scenario, scenario_names

    found = find_scenario(name if name is not None else DEFAULT)
    if found is None:
        raise click.UsageError(f"there is no scenario {name!r}; there are: {', '.join(scenario_names())}")
    return found


def _print_list(style: Style) -> None:
    from grpcdoctor.demo.scenario import scenarios
    from grpcdoctor.report.layout import Page

    page = Page(style)
    for scenario in scenarios():
        page.line((scenario.name, "strong"))
        page.prose("", scenario.description, indent=4)
    write(page.text())


class _Demo:
    """One run: what is set up, the report, what to try next."""

    def __init__(self, scenario: Scenario, output: Format, style: Style, keep: bool) -> None:
        self._scenario = scenario
        self._output = output
        self._style = style
        self._keep = keep
        # A format for programs stays alone on stdout.
        self._words = sys.stdout if output.name == "text" else sys.stderr

    async def run(self) -> ExitCode:
        from grpcdoctor.demo.perform import staged

        async with staged(self._scenario) as performance:
            self._introduce(performance)
            report = await performance.diagnose()
            write(self._output.render(report, self._style))
            if self._keep:
                await self._wait()
        if not performance.found(report):
            say(_disappointment(self._scenario, report))
            return ExitCode.FOUND
        self._look_on()
        return ExitCode.OK

    def _introduce(self, performance: Performance) -> None:
        from grpcdoctor.report.layout import Page

        page = Page(self._style_of_words())
        page.prose("Demo", self._scenario.description)
        page.prose("Told", "grpcdoctor knows nothing of that; it is given the endpoint, as in")
        page.verbatim(performance.command)
        page.blank()
        write(page.text(), self._words)

    async def _wait(self) -> None:
        import asyncio

        say("The scenario stays up; press Ctrl-C to end it.")
        await asyncio.Event().wait()

    def _look_on(self) -> None:
        from grpcdoctor.demo.scenario import scenario_names
        from grpcdoctor.report.layout import Page

        names = scenario_names()
        following = names[(names.index(self._scenario.name) + 1) % len(names)]
        page = Page(self._style_of_words())
        page.prose("Next", f"grpcdoctor demo {following} (all {len(names)}: grpcdoctor demo --list)")
        write("\n" + page.text(), self._words)

    def _style_of_words(self) -> Style:
        return self._style if self._words is sys.stdout else style_of(self._words)


def _disappointment(scenario: Scenario, report: Report) -> str:
    found = report.first_cause.name if report.first_cause is not None else "no cause"
    return (
        f"grpcdoctor demo: {scenario.name} is {scenario.verdict.value} ({scenario.cause or 'no cause'}), "
        f"but the diagnosis says {report.verdict.value} ({found}); please report this"
    )
