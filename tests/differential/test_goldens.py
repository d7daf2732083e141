"""The goldens are what the real programs answer, and there is one for each case of the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.differential.cases import all_cases
from tests.differential.goldens import GOLDENS, golden, goldens
from tests.differential.running import run_real
from tests.lab.processes import ROOT, require_program

if TYPE_CHECKING:
    from tests.differential.cases import Case
    from tests.differential.setting import Setting

TRIES = 3
"""On a busy machine a stream's own end and its cancelling race each other in the real one."""
RACING = ("connecting", "health")
"""Which of two errors is told of a broken connection, the write's or the read's, is chance."""
TIME_IS_OVER = "Code: DeadlineExceeded"
"""So is whose clock ends a call, the client's or the server's: they word it in two ways."""


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=[case.id for case in all_cases()])
def test_a_golden_is_what_the_program_answers(case: Case, differential_setting: Setting) -> None:
    kept, answered = golden(case), None
    for _ in range(TRIES):
        answered = run_real(require_program(case.program), case, differential_setting)
        if case.group in RACING or (TIME_IS_OVER in kept.stderr and TIME_IS_OVER in answered.stderr):
            answered = replace(answered, stderr=kept.stderr)
        if answered == kept:
            return
    assert answered == kept


def test_every_case_has_a_golden_and_every_golden_a_case() -> None:
    kept = {(path.stem, name) for path in GOLDENS.glob("*.yaml") for name in goldens(path.stem)}
    assert kept == {(case.group, case.name) for case in all_cases()}


def test_what_ours_does_otherwise_is_explained_here_and_in_the_guide() -> None:
    assert [case.id for case in all_cases() if case.ours and not case.deviation] == []
    page = (ROOT / "docs" / "coming-from-grpcurl.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for case in all_cases():
        assert not case.deviation or any(case.name in row and case.deviation in row for row in rows), case.id
