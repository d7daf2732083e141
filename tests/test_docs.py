"""The guide is true: its links lead somewhere, its index is current, and every command and option is in it."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import click
import pytest

from docs.build import RULES_INDEX, alike, report_of, rules_index, shown_reports
from grpcdoctor.cli.main import group
from grpcdoctor.diagnosis.engine import report_of as report_of_run
from grpcdoctor.diagnosis.probe_registry import probes
from tests.checks.pages import examples_of
from tests.pasted import refusal

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]

COMMANDS = group.list_commands(click.Context(group))

SHOWN = [(name, report) for page in [ROOT / "README.md", *GUIDE] for name, report in shown_reports(page)]

# Options of all commands, which the page of probe explains.
SHARED = {"--verbose", "--no-color", "--output"}

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose_of(path: Path) -> str:
    """The page without its fenced blocks, where brackets are no links."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors_of(path: Path) -> set[str]:
    """The anchors that a Markdown viewer gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(prose_of(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_the_index_of_the_rules_is_what_make_docs_writes() -> None:
    assert RULES_INDEX.read_text(encoding="utf-8") == rules_index()


def test_the_guide_leads_to_each_of_its_pages() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in GUIDE if page.name != "README.md" and f"({page.name})" not in index] == []


@pytest.mark.parametrize(("scenario", "report"), SHOWN, ids=[scenario for scenario, _ in SHOWN])
def test_a_report_that_the_docs_show_is_what_the_demo_prints(scenario: str, report: str) -> None:
    """`make docs` writes them anew."""
    printed = report_of(scenario)
    assert alike(report, printed), printed


def test_reports_that_differ_in_ports_times_and_line_breaks_are_alike() -> None:
    one = "error after 12\n   ms at 127.0.0.1:1, ping 2.0 ms"
    assert alike(one, "error after 5.4 ms at\n 127.0.0.1:22, ping\n 14 ms")
    assert not alike(one, "warning after 5.4 ms at 127.0.0.1:22, ping 2.0 ms")


def options_of(command: str) -> set[str]:
    """Every word that a command takes for an option."""
    found = group.get_command(click.Context(group), command)
    assert found is not None
    words = (param.opts + param.secondary_opts for param in found.params if isinstance(param, click.Option))
    return {word for several in words for word in several}


def lines_to_type(page: Path) -> Iterator[str]:
    """Every line of a page's shell blocks that starts grpcdoctor; one that ends in | or \\ goes on. In a console's what
    has no prompt is what was printed."""
    for kind, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if kind in ("", "sh", "console"):
            lines = re.sub(r"(\\|\|)\n", r"\1 ", block).splitlines()
            typed = r"\$ grpcdoctor " if kind == "console" else r"(\$ )?grpcdoctor "
            yield from (line.removeprefix("$ ") for line in lines if re.match(typed, line))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_guide_speaks_of_every_command(command: str) -> None:
    assert any(f"grpcdoctor {command}" in page.read_text(encoding="utf-8") for page in GUIDE)


@pytest.mark.parametrize(("command", "page"), [("probe", "probing.md"), ("inspect", "inspecting.md")])
def test_the_guide_speaks_of_every_option(command: str, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    wanted = {option for option in options_of(command) if option.startswith("--")}
    assert {option for option in wanted - SHARED if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)} == set()


def test_the_guide_speaks_of_every_probe() -> None:
    text = (ROOT / "docs" / "probing.md").read_text(encoding="utf-8")
    steps = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    assert [probe.name for probe in probes() if probe.name.replace("-", " ") not in steps] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_the_docs_tell_you_to_type_is_understood(page: Path) -> None:
    assert {line: why for line in lines_to_type(page) if (why := refusal(line)) is not None} == {}


def test_the_librarys_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Each block of the page in turn, as one program would; in place of a network, a run from a rule's page."""
    report = report_of_run(examples_of("alpn-missing")[0].run, "2026-01-01T00:00:00Z", 1.0)
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    with mock.patch("grpcdoctor.api.diagnose", mock.AsyncMock(return_value=report)):
        for block in (block for kind, block in _FENCE.findall(text) if kind == "python"):
            running = eval(compile(block, "library.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if running is not None:
                asyncio.run(running)
    assert "GD204 alpn-missing" in capsys.readouterr().out
