"""What the real grpcurl answered: goldens/GROUP.yaml, beside cases/GROUP.yaml."""

from __future__ import annotations

import functools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.differential.outcome import Outcome

if TYPE_CHECKING:
    from tests.differential.cases import Case

GOLDENS = Path(__file__).with_name("goldens")


@functools.cache
def goldens(group: str) -> dict[str, Outcome]:
    """By the case's name."""
    path = GOLDENS / f"{group}.yaml"
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded = yaml.load(path.read_text(encoding="utf-8"), loader) if path.exists() else {}
    return {name: Outcome(**fields) for name, fields in loaded.items()}


def golden(case: Case) -> Outcome:
    """What the real one answered to this case."""
    return goldens(case.group)[case.name]


def write_goldens(group: str, outcomes: dict[str, Outcome]) -> None:
    """Long texts as blocks, so that a change reads well in a diff."""
    plain = {
        name: {key: value for key, value in asdict(each).items() if value not in ({}, "") or key == "stdout"}
        for name, each in outcomes.items()
    }
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    (GOLDENS / f"{group}.yaml").write_text(text, encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
