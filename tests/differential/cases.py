"""The table of command lines: cases/*.yaml, each a mapping of a case's name to its command line or its fields.

health.yaml has those of grpc-health-probe, which are `grpcdoctor health`'s too; all others are of grpcurl.
"""

from __future__ import annotations

import functools
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import yaml

CASES = Path(__file__).with_name("cases")
HEALTH = "health"


@dataclass(frozen=True)
class Case:
    """One command line. `%name%` in `run`, `stdin` and `files` stands for a value of tests.differential.setting."""

    group: str
    name: str
    run: str
    """The arguments, quoted as for a shell."""
    stdin: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Written into the empty folder that the command runs in."""
    outputs: tuple[str, ...] = ()
    """Files or folders that the command writes there, and which are compared too."""
    any_order: bool = False
    """The real one prints its blocks in a random order: the lines are compared as a bag."""
    deviation: str = ""
    """Why ours differs on purpose; without `ours` only on stderr."""
    ours: dict[str, object] = field(default_factory=dict)
    """code, stdout or files of ours, where they are not the real one's; the rest stays equal."""

    @property
    def id(self) -> str:
        return f"{self.group}: {self.name}"

    @property
    def program(self) -> str:
        """The real one."""
        return "grpc-health-probe" if self.group == HEALTH else "grpcurl"

    @property
    def command(self) -> str:
        """Ours."""
        return "health" if self.group == HEALTH else "grpcurl"

    @property
    def arguments(self) -> list[str]:
        """With the placeholders still in them."""
        return shlex.split(self.run)


def cases_of(program: str) -> list[Case]:
    """Of grpcurl or of grpc-health-probe."""
    return [case for case in all_cases() if case.program == program]


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """In the order of the files' names, and of the lines in them."""
    return tuple(case for path in sorted(CASES.glob("*.yaml")) for case in _read(path))


def _read(path: Path) -> list[Case]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [_case(path.stem, name, given) for name, given in loaded.items()]


def _case(group: str, name: str, given: str | dict[str, object]) -> Case:
    fields: dict[str, object] = {"run": given} if isinstance(given, str) else given
    return Case(group, name, **fields)  # type: ignore[arg-type]  # the file says what the dataclass takes
