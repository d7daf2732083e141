"""The house keeps its shape: sizes, what a check may touch, where things belong. import-linter holds the layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from grpcdoctor.diagnosis.registry import AnyCheck, Check, all_checks, checks, modules_in
from grpcdoctor.model.observation import Facts
from grpcdoctor.model.rule import Layer
from tests.checks.pages import examples_of

ROOT = Path(__file__).parents[1]
FOLDERS = ("grpcdoctor", "checks", "probes")
FILE_LINES = 400  # most files stay below 300; this is where one has to be split
FUNCTION_LINES = 50  # most stay below 40
WITH_PARTS = 10

# What a check may import: it computes, and nothing in here can reach a network, a file or a clock.
PURE = {
    "__future__", "collections", "copy", "dataclasses", "datetime", "difflib", "enum", "functools", "ipaddress",
    "itertools", "json", "math", "operator", "re", "shlex", "string", "textwrap", "typing", "urllib.parse",
    "grpcdoctor.checks", "grpcdoctor.cluster", "grpcdoctor.envoy", "grpcdoctor.model",
}  # fmt: skip

# checks/<folder> -> the hundred of its codes.
LAYERS = {
    "reach": Layer.REACH,
    "tls": Layer.TLS,
    "http2": Layer.HTTP2,
    "grpc": Layer.GRPC,
    "streams": Layer.GRPC,
    "grpc_web": Layer.POLICIES,
    "services": Layer.SERVICES,
    "gateways": Layer.GATEWAYS,
    "routes": Layer.GATEWAYS,
    "policies": Layer.POLICIES,
    "proxyless": Layer.PROXYLESS,
    "envoy": Layer.DATA_PLANE,
}

HEAVY = {"asyncio", "click", "cryptography", "google", "grpc", "h2", "importlib.metadata", "kubernetes", "rich", "ssl"}


def sources(*folders: str) -> list[Path]:
    """Every Python file of ours below these folders; the links inside grpcdoctor/ are not followed."""
    found = chain.from_iterable((ROOT / folder).glob("**/*.py") for folder in folders)
    links = [ROOT / "grpcdoctor" / name for name in ("checks", "probes", "pages")]
    return sorted(path for path in found if not any(path.is_relative_to(link) for link in links))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_no_file_is_too_long_to_read() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*FOLDERS, "tests")}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long_to_read() -> None:
    lengths = {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources(*FOLDERS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_no_with_statement_is_so_long_that_a_compiler_crashes() -> None:
    """Python allows twenty nested blocks, and 3.12.1 dies of a segmentation fault where the twentieth is a `with`'s."""
    longest = {
        f"{name_of(path)}:{node.lineno}": len(node.items)
        for path in sources(*FOLDERS, "tests", "docs", "benchmarks")
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.With, ast.AsyncWith))
    }
    assert {place: parts for place, parts in longest.items() if parts > WITH_PARTS} == {}


def test_every_file_says_what_it_is() -> None:
    silent = [path for path in sources(*FOLDERS, "docs") if not ast.get_docstring(tree_of(path))]
    assert [name_of(path) for path in silent] == []


@pytest.mark.parametrize("path", sources("checks"), ids=name_of)
def test_a_check_only_computes(path: Path) -> None:
    impure = [name for name in imports_of(path) if not any(name == p or name.startswith(p + ".") for p in PURE)]
    calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    assert impure == []
    assert called & {"open", "print", "input", "eval", "exec", "__import__"} == set()


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.rule.name)
def test_a_rule_lies_in_the_folder_of_its_layer(check: AnyCheck) -> None:
    folder = check.module.split(".")[2]
    assert check.rule.layer is LAYERS[folder]


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.rule.name)
def test_a_check_needs_what_its_own_examples_have(check: Check) -> None:
    """A check is run where one of NEEDS was observed: an example without any would pass here and never fire in life."""
    firing = [example for example in examples_of(check.rule.name) if example.fires]
    assert [e.number for e in firing if not any(e.run.get(kind) is not None for kind in check.needs)] == []


@pytest.mark.parametrize("kind", sorted(Facts.kinds))
def test_facts_have_a_default_for_every_field(kind: str) -> None:
    """So that an older saved run can be replayed, and a page's example says only what matters."""
    assert Facts.kinds[kind]().kind == kind


@pytest.mark.parametrize("module", [module.__name__ for module in modules_in("grpcdoctor.probes")])
def test_every_probe_has_its_tests(module: str) -> None:
    name = module.rpartition(".")[2]
    assert (ROOT / "tests" / "probes" / f"test_{name}.py").exists()


def test_importing_the_library_imports_nothing_heavy() -> None:
    """`import grpcdoctor` in somebody's program must not cost what only a probe needs."""
    program = "import sys, grpcdoctor; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()
