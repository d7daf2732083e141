"""Finds the probes: every module in grpcdoctor.probes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from grpcdoctor.diagnosis.registry import RegistryError, modules_in
from grpcdoctor.wire.session import Measurement, Session


@dataclass(frozen=True, slots=True)
class Probe:
    """One module of grpcdoctor.probes, by its public names."""

    name: str
    ready: Callable[[Session], bool]
    run: Callable[[Session], Awaitable[Measurement]]
    wanted: Callable[[Session], bool]
    """Whether this run asks for it at all; where not, it is not mentioned either."""
    finish: Callable[[Session, Any], Any] | None
    """Refreshes the facts when the run is over."""
    skipped: Callable[[Session], str | None]
    """Why it did not run; None: not worth a word."""
    quick: bool


@lru_cache(maxsize=1)
def probes() -> tuple[Probe, ...]:
    """All probes by name. Raises RegistryError on a double name or a module without NAME, ready or run."""
    found: list[Probe] = []
    for module in modules_in("grpcdoctor.probes"):
        for attribute in ("NAME", "ready", "run"):
            if not hasattr(module, attribute):
                raise RegistryError(f"{module.__name__} has no {attribute}")
        if any(probe.name == module.NAME for probe in found):
            raise RegistryError(f"two probes have the name {module.NAME}")
        found.append(
            Probe(
                name=cast(str, module.NAME),
                ready=module.ready,
                run=module.run,
                wanted=getattr(module, "wanted", _always),
                finish=getattr(module, "finish", None),
                skipped=getattr(module, "skipped", _silent),
                quick=getattr(module, "QUICK", False),
            )
        )
    return tuple(found)


def _always(_session: Session) -> bool:
    return True


def _silent(_session: Session) -> None:
    return None
