"""Finds the checks and the probes: every module in grpcdoctor.checks and grpcdoctor.probes, no list kept by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules, walk_packages
from types import ModuleType
from typing import TYPE_CHECKING, cast

from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.observation import Facts
from grpcdoctor.model.rule import Rule
from grpcdoctor.model.run import Run

if TYPE_CHECKING:
    from grpcdoctor.cluster.kinds import Kind
    from grpcdoctor.cluster.snapshot import Cluster
    from grpcdoctor.envoy.snapshot import Proxy

CheckFunction = Callable[[Run], Iterator[Conclusion]]
ClusterCheckFunction = Callable[["Cluster"], Iterator[Conclusion]]
EnvoyCheckFunction = Callable[["Proxy"], Iterator[Conclusion]]


class RegistryError(Exception):
    """A check or probe module that breaks the house's convention: a bug in grpcdoctor."""


@dataclass(frozen=True, slots=True)
class Check:
    """One module of grpcdoctor.checks that judges what probes observed: its rule, the facts it reads, its function."""

    rule: Rule
    needs: tuple[type[Facts], ...]
    """It runs where at least one of these was observed."""
    function: CheckFunction
    module: str


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """One module of grpcdoctor.checks that judges the objects of a cluster."""

    rule: Rule
    reads: tuple[Kind, ...]
    """The kinds of objects that it looks at; what could not be read of them is a blind spot of this rule."""
    function: ClusterCheckFunction
    module: str


@dataclass(frozen=True, slots=True)
class EnvoyCheck:
    """One module of grpcdoctor.checks that judges what an Envoy says of itself."""

    rule: Rule
    asks: tuple[str, ...]
    """The admin endpoints that it cannot do without: "config_dump", "clusters", "stats", "certs", "server_info"."""
    function: EnvoyCheckFunction
    module: str


AnyCheck = Check | ClusterCheck | EnvoyCheck


def modules_in(package_name: str) -> Iterator[ModuleType]:
    """Every public module below a package, imported, in the order of their names."""
    package = import_module(package_name)
    for found in walk_packages(package.__path__, package_name + "."):
        if not found.ispkg and not found.name.rpartition(".")[2].startswith("_"):
            yield import_module(found.name)


@lru_cache(maxsize=1)
def all_checks() -> tuple[AnyCheck, ...]:
    """All checks by code. Raises RegistryError on a double code or name, or a module that breaks the convention."""
    found = sorted((_check_of(module) for module in modules_in("grpcdoctor.checks")), key=lambda c: c.rule.code)
    for attribute in ("code", "name"):
        values = [getattr(check.rule, attribute) for check in found]
        double = next((value for value in values if values.count(value) > 1), None)
        if double is not None:
            raise RegistryError(f"two checks have the {attribute} {double}")
    return tuple(found)


def checks() -> tuple[Check, ...]:
    """Those that judge observations."""
    return tuple(check for check in all_checks() if isinstance(check, Check))


def cluster_checks() -> tuple[ClusterCheck, ...]:
    """Those that judge a cluster."""
    return tuple(check for check in all_checks() if isinstance(check, ClusterCheck))


def envoy_checks() -> tuple[EnvoyCheck, ...]:
    """Those that judge an Envoy."""
    return tuple(check for check in all_checks() if isinstance(check, EnvoyCheck))


def kinds_read() -> tuple[Kind, ...]:
    """Every kind of object that some rule looks at."""
    return tuple(dict.fromkeys(kind for check in cluster_checks() for kind in check.reads))


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """name -> rule, by code."""
    return {check.rule.name: check.rule for check in all_checks()}


@lru_cache(maxsize=512)
def rule_named(name: str) -> Rule:
    """The rule with this name; imports its file and no other. Raises RegistryError where there is none."""
    module = name.replace("-", "_")
    checks = import_module("grpcdoctor.checks")
    for folder in iter_modules(checks.__path__, "grpcdoctor.checks."):
        if folder.ispkg and module in _names_in(folder.name):
            return cast(Rule, import_module(f"{folder.name}.{module}").RULE)
    raise RegistryError(f"there is no rule {name}")


@lru_cache(maxsize=64)
def _names_in(package_name: str) -> frozenset[str]:
    return frozenset(found.name for found in iter_modules(import_module(package_name).__path__))


def find_rule(word: str) -> Rule | None:
    """The rule with this code or name, in any case."""
    wanted = word.strip().lower()
    return next((rule for rule in rules().values() if wanted in (rule.code.lower(), rule.name)), None)


def _check_of(module: ModuleType) -> AnyCheck:
    """A module has RULE, check, and one of NEEDS (facts of probes), READS (kinds of objects), ASKS (an Envoy)."""
    for name in ("RULE", "check"):
        if not hasattr(module, name):
            raise RegistryError(f"{module.__name__} has no {name}")
    if sum(hasattr(module, name) for name in ("NEEDS", "READS", "ASKS")) != 1:
        raise RegistryError(f"{module.__name__} must have one of NEEDS, READS and ASKS")
    rule = cast(Rule, module.RULE)
    expected = rule.name.replace("-", "_")
    if module.__name__.rpartition(".")[2] != expected:
        raise RegistryError(f"{module.__name__} holds the rule {rule.name}; its file must be {expected}.py")
    if hasattr(module, "READS"):
        return ClusterCheck(rule, tuple(module.READS), cast(ClusterCheckFunction, module.check), module.__name__)
    if hasattr(module, "ASKS"):
        return EnvoyCheck(rule, tuple(module.ASKS), cast(EnvoyCheckFunction, module.check), module.__name__)
    return Check(rule, tuple(module.NEEDS), cast(CheckFunction, module.check), module.__name__)
