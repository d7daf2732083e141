"""Reads the pages in docs/rules: their headings, and the examples that are the rules' tests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.codec import decode
from grpcdoctor.model.facts import grpc, http2, reach, tls  # noqa: F401  (importing them names their kinds)
from grpcdoctor.model.observation import Facts, Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target
from grpcdoctor.texts.reading import read_text
from tests.envoy.shapes import proxy_of

PAGES = Path(__file__).parents[2] / "docs" / "rules"
SECTIONS = ("What it means", "Why it breaks gRPC", "How to confirm", "How to fix", "References", "Examples")

_HEAD = re.compile(r"^# (expect|cluster|domain): *(.*)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```yaml (fires|quiet)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One fenced block of a page: a run's facts, for a rule that judges observations."""

    page: str
    number: int
    fires: bool
    run: Run
    expect: dict[str, Any]
    """`severity`, `alternatives`, and `blind_spot` where one is wanted."""


@dataclass(frozen=True)
class ClusterExample:
    """One fenced block of a page: manifests, for a rule that judges a cluster.

    It may begin with comments: `# cluster: complete` (the objects are all that there is), and `# expect: {…}` with
    `severity`, `subject` (`Service prod/greeter`), `field`, `count` (of findings), `fixed: false` where no change of
    objects can cure (by default the first fix of every finding, applied, must silence the rule), `blind_spot`.
    """

    page: str
    number: int
    fires: bool
    documents: list[dict[str, Any]]
    complete: bool
    expect: dict[str, Any] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        return cluster_of(self.documents, self.complete)


@dataclass(frozen=True)
class EnvoyExample:
    """One fenced block of a page: an Envoy, for a rule that judges what it says of itself.

    Its keys are those of `tests/envoy/shapes.py`. It may begin with `# expect: {…}`: `severity`, `subject`
    (`cluster greeter`), `field`, `count` (of findings), `blind_spot`.
    """

    page: str
    number: int
    fires: bool
    data: dict[str, Any]
    expect: dict[str, Any]

    @property
    def proxy(self) -> Proxy:
        return proxy_of(self.data)


def text_of(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def page_names() -> list[str]:
    return sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


def blocks_of(name: str) -> list[tuple[bool, str]]:
    """(whether it fires, its YAML) of every example on a page."""
    return [(kind == "fires", block) for kind, block in _EXAMPLE.findall(text_of(name))]


def examples_of(name: str) -> list[Example]:
    return [_example(name, number, fires, block) for number, (fires, block) in enumerate(blocks_of(name), 1)]


def cluster_examples_of(name: str) -> list[ClusterExample]:
    return [_cluster_example(name, number, fires, block) for number, (fires, block) in enumerate(blocks_of(name), 1)]


def envoy_examples_of(name: str) -> list[EnvoyExample]:
    return [_envoy_example(name, number, fires, block) for number, (fires, block) in enumerate(blocks_of(name), 1)]


def _envoy_example(name: str, number: int, fires: bool, block: str) -> EnvoyExample:
    expect = yaml.safe_load(dict(_HEAD.findall(block)).get("expect", "{}"))
    return EnvoyExample(name, number, fires, yaml.safe_load(block), expect)


def _cluster_example(name: str, number: int, fires: bool, block: str) -> ClusterExample:
    head = dict(_HEAD.findall(block))
    documents = [document for document in yaml.safe_load_all(block) if document is not None]
    expect = yaml.safe_load(head.get("expect", "{}"))
    return ClusterExample(name, number, fires, documents, head.get("cluster") == "complete", expect)


def run_from(data: dict[str, Any]) -> Run:
    """A Run from `target`, `options` and `facts` (kind -> fields)."""
    options = decode(ProbeOptions, data.get("options", {}))
    plaintext = bool(data.get("plaintext", False))
    observations = tuple(
        Observation(kind, Outcome.OK, decode(Facts.kinds[kind], fields or {}))
        for kind, fields in data.get("facts", {}).items()
    )
    return Run(parse_target(data["target"], plaintext), options, Observations(observations))


def run_of_text(text: str) -> Run:
    """A Run in which nothing but this text was looked at, read as `explain` reads it."""
    observation = Observation("text", Outcome.OK, read_text(text))
    return Run(parse_target("text.invalid"), observations=Observations((observation,)))


def _example(name: str, number: int, fires: bool, block: str) -> Example:
    data = yaml.safe_load(block)
    run = run_of_text(data["text"]) if "text" in data else run_from(data)
    return Example(name, number, fires, run, data.get("expect", {}))
