"""Finds the checks and the probes: every module in grpcdoctor.checks and grpcdoctor.probes, no list kept by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import cast

from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.observation import Facts
from grpcdoctor.model.rule import Rule
from grpcdoctor.model.run import Run

CheckFunction = Callable[[Run], Iterator[Conclusion]]


class RegistryError(Exception):
    """A check or probe module that breaks the house's convention: a bug in grpcdoctor."""


@dataclass(frozen=True, slots=True)
class Check:
    """One module of grpcdoctor.checks: its rule, the facts it reads, and its function."""

    rule: Rule
    needs: tuple[type[Facts], ...]
    """It runs where at least one of these was observed."""
    function: CheckFunction
    module: str


def modules_in(package_name: str) -> Iterator[ModuleType]:
    """Every public module below a package, imported, in the order of their names."""
    package = import_module(package_name)
    for found in walk_packages(package.__path__, package_name + "."):
        if not found.ispkg and not found.name.rpartition(".")[2].startswith("_"):
            yield import_module(found.name)


@lru_cache(maxsize=1)
def checks() -> tuple[Check, ...]:
    """All checks by code. Raises RegistryError on a double code or name, or a module without RULE, NEEDS or check."""
    found = sorted((_check_of(module) for module in modules_in("grpcdoctor.checks")), key=lambda c: c.rule.code)
    for attribute in ("code", "name"):
        values = [getattr(check.rule, attribute) for check in found]
        double = next((value for value in values if values.count(value) > 1), None)
        if double is not None:
            raise RegistryError(f"two checks have the {attribute} {double}")
    return tuple(found)


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """name -> rule, by code."""
    return {check.rule.name: check.rule for check in checks()}


def find_rule(word: str) -> Rule | None:
    """The rule with this code or name, in any case."""
    wanted = word.strip().lower()
    return next((rule for rule in rules().values() if wanted in (rule.code.lower(), rule.name)), None)


def _check_of(module: ModuleType) -> Check:
    for name in ("RULE", "NEEDS", "check"):
        if not hasattr(module, name):
            raise RegistryError(f"{module.__name__} has no {name}")
    rule = cast(Rule, module.RULE)
    expected = rule.name.replace("-", "_")
    if module.__name__.rpartition(".")[2] != expected:
        raise RegistryError(f"{module.__name__} holds the rule {rule.name}; its file must be {expected}.py")
    return Check(rule, tuple(module.NEEDS), cast(CheckFunction, module.check), module.__name__)
