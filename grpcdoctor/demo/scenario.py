"""Finds the scenarios: every module in grpcdoctor.demo.scenarios, no list kept by hand.

A scenario module has a docstring (its first paragraph says what is set up), `CAUSE` (the rule's name that must come
first, None where nothing is wrong), `VERDICT`, and `async start(stage) -> Endpoint`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

DEFAULT: Final = "alpn-missing"
_PACKAGE: Final = "grpcdoctor.demo.scenarios"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One set-up, and what must be found in it."""

    name: str
    description: str
    cause: str | None
    verdict: Verdict
    start: Callable[[Stage], Awaitable[Endpoint]]


def scenario_names() -> tuple[str, ...]:
    """By name, the default first."""
    package = import_module(_PACKAGE)
    names = sorted(found.name.replace("_", "-") for found in iter_modules(package.__path__))
    return (DEFAULT, *(name for name in names if name != DEFAULT))


def scenarios() -> tuple[Scenario, ...]:
    return tuple(_scenario_of(name) for name in scenario_names())


def find_scenario(name: str) -> Scenario | None:
    """The scenario with this name; only its own module is imported."""
    wanted = name.strip().lower().replace("_", "-")
    return _scenario_of(wanted) if wanted in scenario_names() else None


def _scenario_of(name: str) -> Scenario:
    module: ModuleType = import_module(f"{_PACKAGE}.{name.replace('-', '_')}")
    description = " ".join((module.__doc__ or "").split("\n\n")[0].split())
    return Scenario(name, description, module.CAUSE, module.VERDICT, module.start)
