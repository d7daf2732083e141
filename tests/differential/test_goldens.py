"""The goldens are what the real programs answer, and there is one for each case of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential.cases import all_cases
from tests.differential.goldens import GOLDENS, golden, goldens
from tests.differential.running import run_real
from tests.lab.processes import require_program

if TYPE_CHECKING:
    from tests.differential.cases import Case
    from tests.differential.setting import Setting


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=[case.id for case in all_cases()])
def test_a_golden_is_what_the_program_answers(case: Case, differential_setting: Setting) -> None:
    assert run_real(require_program(case.program), case, differential_setting) == golden(case)


def test_every_case_has_a_golden_and_every_golden_a_case() -> None:
    kept = {(path.stem, name) for path in GOLDENS.glob("*.yaml") for name in goldens(path.stem)}
    assert kept == {(case.group, case.name) for case in all_cases()}


def test_what_ours_does_otherwise_is_explained() -> None:
    assert [case.id for case in all_cases() if case.ours and not case.deviation] == []
