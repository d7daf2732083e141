"""Reads the pages in docs/rules: their headings, and the examples that are the rules' tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from grpcdoctor.model.codec import decode
from grpcdoctor.model.facts import grpc, http2, reach, tls  # noqa: F401  (importing them names their kinds)
from grpcdoctor.model.observation import Facts, Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

PAGES = Path(__file__).parents[2] / "docs" / "rules"
SECTIONS = ("What it means", "Why it breaks gRPC", "How to confirm", "How to fix", "References", "Examples")

_EXAMPLE = re.compile(r"^```yaml (fires|quiet)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One fenced block of a page. `expect` may name the severity, and whether a blind spot is wanted."""

    page: str
    number: int
    fires: bool
    run: Run
    expect: dict[str, Any]


def text_of(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def page_names() -> list[str]:
    return sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


def examples_of(name: str) -> list[Example]:
    found = _EXAMPLE.findall(text_of(name))
    return [_example(name, number, kind, block) for number, (kind, block) in enumerate(found, 1)]


def run_from(data: dict[str, Any]) -> Run:
    """A Run from `target`, `options` and `facts` (kind -> fields)."""
    options = decode(ProbeOptions, data.get("options", {}))
    plaintext = bool(data.get("plaintext", False))
    observations = tuple(
        Observation(kind, Outcome.OK, decode(Facts.kinds[kind], fields or {}))
        for kind, fields in data.get("facts", {}).items()
    )
    return Run(parse_target(data["target"], plaintext), options, Observations(observations))


def _example(name: str, number: int, kind: str, block: str) -> Example:
    data = yaml.safe_load(block)
    return Example(name, number, kind == "fires", run_from(data), data.get("expect", {}))
