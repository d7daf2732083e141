"""Finds the formats: every module of grpcdoctor.report with a function `render`. No list is kept by hand.

A format is one file, and its name is the word for --output. It has

- `render(report, style) -> str`: one report, whole;
- optionally a class `Many(endpoints, style)` for several targets: `head()`, `line(report)` as each finishes, `tail()`.
  A format without it prints its reports one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Protocol

from grpcdoctor.model.report import Report
from grpcdoctor.report.style import Style


class ManyReports(Protocol):
    """The output of a run over several targets, piece by piece; every piece ends its own line."""

    def head(self) -> str: ...

    def line(self, report: Report) -> str: ...

    def tail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One way to print reports."""

    name: str
    render: Callable[[Report, Style], str]
    many: Callable[[Sequence[str], Style], ManyReports]


class OneAfterTheOther:
    """What several reports look like in a format that has no form of its own for them."""

    def __init__(self, render: Callable[[Report, Style], str], style: Style) -> None:
        self._render, self._style = render, style

    def head(self) -> str:
        return ""

    def line(self, report: Report) -> str:
        return self._render(report, self._style) + "\n"

    def tail(self) -> str:
        return ""


def find_format(name: str) -> Format | None:
    """The format with this name; only its own module is imported."""
    if not name.isidentifier() or name not in _module_names():
        return None
    return _format_of(import_module(f"{__package__}.{name}"))


def format_names() -> tuple[str, ...]:
    """All of them, by name."""
    return tuple(name for name in _module_names() if find_format(name) is not None)


def _module_names() -> list[str]:
    package = import_module(__package__ or "grpcdoctor.report")
    return sorted(found.name for found in iter_modules(package.__path__) if not found.ispkg)


def _format_of(module: ModuleType) -> Format | None:
    render = getattr(module, "render", None)
    if render is None:
        return None
    name = module.__name__.rpartition(".")[2]
    many = getattr(module, "Many", None) or (lambda endpoints, style: OneAfterTheOther(render, style))
    return Format(name, render, many)
