"""The Markdown report."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from grpcdoctor.model.report import Report
from grpcdoctor.report.markdown import Many, render
from grpcdoctor.report.style import Style
from tests.report import samples


def test_it_opens_with_the_verdict_and_the_cause() -> None:
    lines = render(samples.broken(), Style()).split("\n")
    assert lines[0] == "# ✗ grpc.example.com:443: broken"
    assert lines[2] == "## 1. the TLS listener negotiates no protocol (ALPN is not configured)"


def test_commands_and_patches_are_code_blocks() -> None:
    text = render(samples.broken(), Style())
    assert f"  ```sh\n  {samples.LONG_COMMAND}\n  ```" in text
    assert "  ```\n  servers:\n  - port: {number: 443, protocol: HTTPS}\n  ```" in text


WITH_A_TABLE = [each for each in samples.ALL if each not in (samples.inspected, samples.asked_envoy)]


@pytest.mark.parametrize("sample", WITH_A_TABLE)
@pytest.mark.parametrize("verbose", [False, True])
def test_tables_have_as_many_cells_as_their_heads(sample: Callable[[], Report], verbose: bool) -> None:
    text = render(sample(), Style(verbose=verbose))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_what_a_peer_wrote_is_neither_markup_nor_control_characters() -> None:
    text = render(samples.hostile(), Style(verbose=True))
    outside_code = re.sub(r"(`{3,})\w*\n.*?\1", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<script", outside_code)
    assert not re.search(r"(?<!\\)\[x\]\(javascript", outside_code)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", text)


def test_a_fence_is_longer_than_any_in_the_command() -> None:
    from grpcdoctor.report.markdown import _fenced

    assert _fenced("a ```` b", "sh") == ["`````sh", "a ```` b", "`````"]


def test_several_reports_are_one_table() -> None:
    many = Many([], Style())
    text = many.head() + many.line(samples.healthy()) + many.line(samples.hostile()) + many.tail()
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    assert "2 targets: 1 healthy, 1 broken" in text
