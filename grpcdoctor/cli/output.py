"""The options about output that commands share: format, colour, words, and what counts as a failure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeVar

import click

from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report.formats import Format, find_format, format_names

F = TypeVar("F", bound=Callable[..., Any])


class FormatName(click.ParamType):  # type: ignore[type-arg]
    """The name of a format. Which there are is only asked where it is shown: that imports them all."""

    name = "format"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "[" + "|".join(format_names()) + "]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        if isinstance(value, Format):
            return value
        found = find_format(value)
        if found is None:
            self.fail(f"there is no format {value!r}; there are: {', '.join(format_names())}", param, ctx)
        return found

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in format_names() if name.startswith(incomplete)]


class FailOn(str, Enum):
    """From which severity on a run counts as failed."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


_SEVERITIES: Final = {
    FailOn.ERROR: (Severity.ERROR,),
    FailOn.WARNING: (Severity.ERROR, Severity.WARNING),
    FailOn.NEVER: (),
}
# Of several targets the worst decides, and a fault that was seen is worse than one that may be there.
_WORST: Final = (ExitCode.FOUND, ExitCode.INCONCLUSIVE, ExitCode.OK)


def exit_code(report: Report, fail_on: FailOn) -> ExitCode:
    """1 where a cause is at or above `fail_on`, else 3 where the verdict is open, else 0. `never` is always 0."""
    if fail_on is FailOn.NEVER:
        return ExitCode.OK
    if report.verdict is Verdict.BROKEN or any(cause.severity in _SEVERITIES[fail_on] for cause in report.causes):
        return ExitCode.FOUND
    return ExitCode.INCONCLUSIVE if report.verdict is Verdict.INCONCLUSIVE else ExitCode.OK


def worst(first: ExitCode, second: ExitCode) -> ExitCode:
    return next(code for code in _WORST if code in (first, second))


_OPTIONS: Final = (
    click.option("-o", "--output", type=FormatName(), default="text", show_default=True,
                 help="The format of the result."),
    click.option("--fail-on", type=click.Choice([each.value for each in FailOn]), default="error", show_default=True,
                 help="Exit 1 from this severity on; never: always exit 0."),
    click.option("-v", "--verbose", is_flag=True, help="Also what is merely worth knowing, and all that was observed."),
    click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment."),
)  # fmt: skip


def output_options(function: F) -> F:
    """Add --output, --fail-on, -v and --no-color to a command."""
    decorated: Any = function
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
