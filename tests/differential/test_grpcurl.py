"""`grpcdoctor grpcurl` answers every command line of the table as grpcurl does: stdout, exit code, written files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.differential.cases import cases_of
from tests.differential.goldens import golden
from tests.differential.running import run_ours, run_ours_apart

if TYPE_CHECKING:
    from tests.differential.cases import Case
    from tests.differential.outcome import Outcome
    from tests.differential.setting import Setting


CASES = cases_of("grpcurl")
APART = (
    "calls: bidi stream, echoed",
    "json_answers: all bytes",
    "statuses: several details",
    "text_format: several requests from stdin",
    "command_line: an unknown flag",
    "sources: sources written of sources",
)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_ours_answers_as_grpcurl_does(case: Case, differential_setting: Setting) -> None:
    real, ours = golden(case), run_ours(case, differential_setting)
    on_purpose: Any = case.ours
    assert ours == replace(real, stderr=ours.stderr, **on_purpose)
    if not case.deviation:
        assert [line for line in not_to_be_lost(real) if line not in ours.stderr.splitlines()] == []


@pytest.mark.parametrize("id_", APART)
def test_ours_answers_alike_as_a_process_of_its_own(id_: str, differential_setting: Setting) -> None:
    case = next(case for case in CASES if case.id == id_)
    real, ours = golden(case), run_ours_apart(case, differential_setting)
    assert ours == replace(real, stderr=ours.stderr)


def not_to_be_lost(real: Outcome) -> list[str]:
    """The lines of grpcurl's stderr that scripts and people rely on: warnings, statuses, what is wrong with a command.

    Why a connection or a request failed may be told in other, better words.
    """
    lines = real.stderr.splitlines()
    if real.code >= 64:
        return lines
    wanted = [line for line in lines if line.startswith("Warning: ")]
    return wanted + lines[:1] if real.code == 2 else wanted
