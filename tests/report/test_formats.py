"""A format is one file: nothing lists them."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from grpcdoctor.report import formats
from grpcdoctor.report.style import Style
from tests.report import samples

GRAPHS = ("dot", "mermaid", "svg")  # they draw what is connected with what


def test_the_formats_are_the_modules_that_render() -> None:
    assert {"json", "markdown", "text"} <= set(formats.format_names())
    assert "layout" not in formats.format_names()


@pytest.mark.parametrize("word", ["xml", "layout", "../text", "text.Many", "", "__init__"])
def test_other_words_are_no_formats(word: str) -> None:
    assert formats.find_format(word) is None


@pytest.mark.parametrize("name", formats.format_names())
def test_every_format_renders_every_report_alone_and_among_others(name: str) -> None:
    found = formats.find_format(name)
    assert found is not None
    reports = [sample() for sample in samples.ALL]
    many = found.many([report.target.endpoint for report in reports], Style())
    together = many.head() + "".join(many.line(report) for report in reports) + many.tail()
    assert together.endswith("\n")
    for report in reports:
        text = found.render(report, Style())
        assert text.endswith("\n")
        assert report.verdict.value in text.lower() or name in GRAPHS


def test_a_new_file_is_a_new_format_and_needs_no_form_for_several(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("grpcdoctor.report.shout")
    vars(module)["render"] = lambda report, style: report.verdict.value.upper()
    monkeypatch.setitem(sys.modules, "grpcdoctor.report.shout", module)
    monkeypatch.setattr(formats, "_module_names", lambda: ["shout"])
    found = formats.find_format("shout")
    assert found is not None
    assert formats.format_names() == ("shout",)
    many = found.many([], Style())
    assert many.head() + many.line(samples.broken()) + many.tail() == "BROKEN\n"
